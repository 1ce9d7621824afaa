// Pointing at a trial, with a mouse, a finger or the keyboard.
import { trials } from "./data.mjs";
import { say } from "./dom.mjs";
import { mark, pin, state, walk } from "./state.mjs";
import { sentence } from "./tooltip.mjs";

const NEAR = 14; // pixels

// nearest(x, y) gives { row, distance } in the figure's own pixels, or null.
export function follow(frame, nearest) {
  const { element } = frame;
  const at = (event) => {
    const box = element.getBoundingClientRect();
    const found = nearest(event.clientX - box.left, event.clientY - box.top);
    return found && found.distance <= NEAR ? found.row : null;
  };
  element.addEventListener("pointermove", (event) => {
    if (event.buttons) return; // a brush is being drawn
    const row = at(event);
    mark(row, row === null ? null : { x: event.clientX, y: event.clientY });
  });
  element.addEventListener("pointerleave", () => mark(null));
  element.addEventListener("click", (event) => {
    const row = at(event);
    if (row !== null) pin(row, { x: event.clientX, y: event.clientY });
  });
  element.addEventListener("keydown", (event) => step(event, element));
  element.addEventListener("blur", () => mark(null));
}

// Arrow keys go through the trials, best first; Enter keeps the mark, Escape lets it go.
function step(event, element) {
  if (event.target !== element) return; // a handle of a brush has keys of its own
  const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
  if (event.key === "Enter" && state.marked !== null) pin(state.marked);
  else if (event.key === "Escape") {
    state.pinned = null;
    mark(null);
  } else if (moves[event.key]) walkOn(moves[event.key], element);
  else return;
  event.preventDefault();
}

function walkOn(by, element) {
  const order = walk();
  if (!order.length) return;
  const now = order.indexOf(state.marked);
  const next = now < 0 ? 0 : (now + by + order.length) % order.length;
  mark(order[next], () => {
    const box = element.getBoundingClientRect();
    return { x: box.left + box.width / 2, y: Math.max(box.top, 60) };
  });
  say(`trial ${trials.number[order[next]]}: ${sentence(order[next])}`);
}
