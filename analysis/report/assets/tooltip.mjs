// A few words about the marked trial, beside where it was pointed at.
import { data, stateOf, trials } from "./data.mjs";
import { byId, html } from "./dom.mjs";
import { number, plain } from "./format.mjs";
import { signal } from "./memory.mjs";
import { level, on, state } from "./state.mjs";

const MOST = 14; // parameters
const GAP = 14;

// What became of a trial: its score where trials are compared, and its own best.
export function scores(row) {
  const { name, short } = data.metric;
  const now = level();
  const lines = [];
  if (now && now.scores[row] !== null) {
    const rank = state.rank[row] < 0 ? "" : `, place ${state.rank[row] + 1} of ${now.order.length}`;
    lines.push(`${short} ${number(now.scores[row], name)} by epoch ${now.epoch}${rank}`);
  } else if (now) {
    lines.push(`did not reach epoch ${now.epoch}`);
  }
  if (trials.best[row] !== null) {
    const own = number(trials.best[row], name);
    lines.push(`its best ${own} at epoch ${trials.best_epoch[row]} of ${trials.ended[row]}`);
  }
  return lines;
}

export function sentence(row) {
  return [stateOf(row), ...scores(row)].filter(Boolean).join("; ");
}

function content(row) {
  const config = data.axes.slice(0, MOST).flatMap((axis) => [
    html("dt", {}, axis.name), html("dd", {}, plain(axis.values[row]))]);
  const error = trials.error[row];
  return [
    html("p", { class: "who" }, html("b", {}, `trial ${trials.number[row]}`), ` ${stateOf(row)}`),
    ...scores(row).map((line) => html("p", {}, line)),
    error ? html("p", { class: "error" }, error) : null,
    html("dl", {}, ...config),
  ].filter(Boolean);
}

export function startTooltip() {
  const box = byId("tooltip");
  let where = null;
  on("mark", (at) => {
    where = at;
    box.hidden = !where || state.marked === null;
    if (box.hidden) return;
    box.replaceChildren(...content(state.marked));
    place(box, where);
  });
  // What has the focus takes its words along; a mouse stays where it was while the page moves.
  addEventListener("scroll", () => {
    if (typeof where === "function" && !box.hidden) place(box, where);
    else box.hidden = true;
  }, { passive: true, capture: true, signal });
}

// Right of and below the point, unless that is outside the window.
function place(box, where) {
  const { x, y } = typeof where === "function" ? where() : where;
  const { width, height } = box.getBoundingClientRect();
  const room = { x: document.documentElement.clientWidth, y: window.innerHeight };
  const left = x + GAP + width <= room.x ? x + GAP : x - GAP - width;
  const top = y + GAP + height <= room.y ? y + GAP : y - GAP - height;
  box.style.left = `${Math.max(4, Math.min(left, room.x - width - 4))}px`;
  box.style.top = `${Math.max(4, top)}px`;
}
