// Brushing: drag along an axis, or move the two handles that each axis has with the arrow keys.
import { svg } from "./dom.mjs";
import { brushOf, setBrush, state } from "./state.mjs";
import { count } from "./data.mjs";

const ZONE = 13; // pixels to each side of an axis
const EDGE = 0.035; // room beyond the ends of an axis, as a place
const SMALL = 4; // pixels below which a drag is a click
const TINY = 1e-6;
const STEPS = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };

export function brushes() {
  const group = svg("g");
  let place = null;
  let parts = []; // an axis's { axis, band, ends }
  let stale = true;

  function build() {
    parts = state.axes.map((axis) => {
      const zone = svg("rect", { class: "zone" });
      const band = svg("rect", { class: "band" });
      const ends = ["lower", "upper"].map((which, end) => handle(axis, which, end));
      group.append(zone, band, ...ends);
      drag(zone, band, axis, () => place);
      return { axis, zone, band, ends };
    });
    stale = false;
  }

  return {
    renew() {
      stale = true;
      group.replaceChildren();
    },
    place(next) {
      place = next;
      if (stale) build();
      parts.forEach(({ axis, zone, ends }, index) => {
        const [low, high] = bounds(axis);
        box(zone, place, index, low, high, ZONE);
        for (const end of ends) {
          end.setAttribute("aria-orientation", place.stacked ? "horizontal" : "vertical");
        }
      });
      this.update();
    },
    update() {
      parts.forEach(({ axis, band, ends }, index) => {
        const range = brushOf(axis.key);
        const [low, high] = range ?? bounds(axis);
        band.classList.toggle("on", Boolean(range));
        box(band, place, index, low, high, 8);
        ends.forEach((end, which) => {
          const [x, y] = place.at(index, which ? high : low);
          end.setAttribute("transform", `translate(${x},${y})`);
          end.classList.toggle("on", Boolean(range));
          const step = stepOf(axis, which);
          end.setAttribute("aria-valuenow", step);
          end.setAttribute("aria-valuetext", `${which ? "to" : "from"} ${axis.stops[step][1]}, ` +
            `${state.left} of ${count} trials`);
        });
      });
    },
    attach(root) {
      if (group.parentNode !== root) root.append(group);
    },
  };
}

function handle(axis, which, end) {
  const element = svg("g", { class: `handle ${which}`, role: "slider", tabindex: 0,
    "aria-label": `${axis.label}, ${which} end`, "aria-valuemin": 0,
    "aria-valuemax": axis.stops.length - 1 },
  svg("rect", { x: -9, y: -9, width: 18, height: 18, class: "ring" }),
  svg("rect", { x: -7, y: -2, width: 14, height: 4, rx: 2, class: "grip" }));
  element.addEventListener("keydown", (event) => {
    const last = axis.stops.length - 1;
    const now = stepOf(axis, end);
    let next = now + (STEPS[event.key] ?? 0);
    if (event.key === "Home") next = 0;
    else if (event.key === "End") next = last;
    else if (event.key === "Escape") setBrush(axis.key, null);
    else if (!(event.key in STEPS)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key !== "Escape") moveTo(axis, end, Math.min(Math.max(next, 0), last));
  });
  return element;
}

// The stop at which a handle stands: the first, or the last, that its brush lets through.
function stepOf(axis, end) {
  const range = brushOf(axis.key);
  const last = axis.stops.length - 1;
  if (!range) return end ? last : 0;
  const inside = axis.stops.map(([place]) => place >= range[0] && place <= range[1]);
  const found = end ? inside.lastIndexOf(true) : inside.indexOf(true);
  if (found >= 0) return found;
  const beyond = axis.stops.findIndex(([place]) => place > range[1]);
  return beyond < 0 ? last : beyond;
}

// Handles do not pass each other: the other one is pushed along.
function moveTo(axis, end, step) {
  const other = stepOf(axis, 1 - end);
  const low = end ? Math.min(other, step) : step;
  const high = end ? step : Math.max(other, step);
  const whole = low === 0 && high === axis.stops.length - 1;
  setBrush(axis.key, whole ? null : [axis.stops[low][0] - TINY, axis.stops[high][0] + TINY]);
}

function bounds(axis) {
  return [Math.min(axis.stops[0][0], 0) - EDGE, Math.max(axis.stops.at(-1)[0], 1) + EDGE];
}

function box(rect, place, index, low, high, half) {
  const [x0, y0] = place.at(index, low);
  const [x1, y1] = place.at(index, high);
  const [dx, dy] = place.stacked ? [0, half] : [half, 0];
  rect.setAttribute("x", Math.min(x0, x1) - dx);
  rect.setAttribute("y", Math.min(y0, y1) - dy);
  rect.setAttribute("width", Math.abs(x1 - x0) + 2 * dx);
  rect.setAttribute("height", Math.abs(y1 - y0) + 2 * dy);
}

// A drag on the axis draws a brush, one in the brush moves it, one at its end changes that end.
function drag(zone, band, axis, geometry) {
  const at = (event) => {
    const root = zone.ownerSVGElement.getBoundingClientRect();
    const [low, high] = bounds(axis);
    const place = geometry().place(event.clientX - root.left, event.clientY - root.top);
    return Math.min(Math.max(place, low), high);
  };
  const start = (event) => {
    if (event.button) return;
    event.preventDefault();
    const from = at(event);
    const before = brushOf(axis.key);
    const change = changer(before, from, Math.abs(at({ clientX: event.clientX + 8, clientY: event.clientY + 8 }) - from));
    const target = event.currentTarget;
    let moved = false;
    target.setPointerCapture(event.pointerId);
    target.onpointermove = (next) => {
      const far = Math.hypot(next.clientX - event.clientX, next.clientY - event.clientY);
      moved ||= far >= SMALL;
      if (moved) setBrush(axis.key, change(at(next)));
    };
    const stop = () => {
      target.onpointermove = target.onpointerup = target.onpointercancel = null;
    };
    target.onpointercancel = stop; // a finger went on to scroll the page
    target.onpointerup = () => {
      stop();
      if (!moved) setBrush(axis.key, null);
    };
  };
  for (const element of [zone, band]) {
    element.addEventListener("pointerdown", start);
    element.addEventListener("click", (event) => event.stopPropagation()); // pins no trial
  }
}

function changer(before, from, near) {
  if (before && Math.abs(from - before[0]) < near) return (to) => ordered(before[1], to);
  if (before && Math.abs(from - before[1]) < near) return (to) => ordered(before[0], to);
  if (before && from > before[0] && from < before[1]) {
    return (to) => [before[0] + to - from, before[1] + to - from];
  }
  return (to) => ordered(from, to);
}

function ordered(a, b) {
  return a < b ? [a, b] : [b, a];
}
