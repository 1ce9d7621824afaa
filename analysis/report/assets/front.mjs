// Cost against quality: what a score costs in seconds and in weights, and which trials no other
// one beats in both.
import { count, data, rising, trials } from "./data.mjs";
import { html, svg } from "./dom.mjs";
import { plural } from "./format.mjs";
import { follow } from "./hover.mjs";
import { bottomAxis, layers, leftAxis, opacity, plot, text, tickText } from "./plot.mjs";
import { extent, ticksOf, valueScale } from "./scales.mjs";
import { level, on, state } from "./state.mjs";
import { colour, rankColour } from "./theme.mjs";

const HEIGHT = 320;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 16, 36, 48];
const FEW = 3;
const NAMED = 60; // pixels between names of trials

// What a trial costs up to the epoch at which it is compared.
const COSTS = [
  { name: "time", label: (epoch) => `time to epoch ${epoch} (s)`, of: (row, epoch) => times(trials.pace[row], epoch) },
  { name: "weights", label: () => "number of weights", of: (row) => trials.weights[row] },
];

function times(pace, epoch) {
  return pace === null ? null : pace * epoch;
}

export function drawFront(host) {
  const usable = COSTS.filter((cost) => new Set(known(cost).map((row) => cost.of(row, 1))).size >= FEW);
  if (!usable.length || !level()?.axis) return false;
  const grid = html("div", { class: "pair" });
  host.append(grid);
  for (const cost of usable) drawOne(grid, cost);
  return usable;
}

// Rows that have both a cost and a score where trials are compared.
function known(cost) {
  const now = level();
  if (!now) return [];
  return now.order.filter((row) => cost.of(row, now.epoch) !== null);
}

// Rows that no other row beats: cheapest first, each better than all that cost less.
export function front(rows, cost, loss) {
  const sorted = [...rows].sort((a, b) => cost(a) - cost(b) || loss(a) - loss(b));
  let best = Infinity;
  return sorted.filter((row) => {
    if (loss(row) >= best) return false;
    best = loss(row);
    return true;
  });
}

function drawOne(grid, cost) {
  let x = null;
  let y = null;
  let rows = [];
  const place = (row) => [x(cost.of(row, level().epoch)), clipped(y, level().scores[row])];
  const frame = plot(grid, `${data.metric.label} against ${cost.label(level().epoch)}; arrow keys walk through trials`, {
    walk: true,
    layout(frame) {
      frame.height = HEIGHT;
      rows = known(cost);
      if (!rows.length) return;
      const { epoch, axis } = level();
      x = valueScale(...extent(rows.map((row) => cost.of(row, epoch))), LEFT, frame.width - RIGHT);
      y = valueScale(axis.low, axis.high, HEIGHT - BOTTOM, TOP, { better: rising });
      bottomAxis(frame, x, HEIGHT - BOTTOM, spaced(ticksOf(x, 5), x), cost.label(epoch), short);
      leftAxis(frame, y, LEFT, ticksOf(y), `${data.metric.label}, by epoch ${epoch}`, tickText);
    },
    paint(frame, context) {
      const { shown, hidden } = layers();
      const inside = new Set(rows);
      dots(context, hidden.filter((row) => inside.has(row)), place, () => colour("--grey"), 0.15);
      dots(context, shown.filter((row) => inside.has(row)), place, rankColour, Math.max(0.5, opacity(count)));
      stairs(frame, cost, rows.filter((row) => state.shown[row]), place);
      frame.element.dataset.shown = shown.filter((row) => inside.has(row)).length;
    },
    mark(frame, row) {
      if (!rows.includes(row)) return false;
      const [cx, cy] = place(row);
      frame.marks.append(svg("circle", { class: "dot", cx, cy, r: 6 }));
      return true;
    },
  });
  follow(frame, (px, py) => nearest(rows, place, px, py));
}

function dots(context, rows, place, paint, alpha) {
  context.globalAlpha = alpha;
  for (const row of rows) {
    context.fillStyle = paint(row);
    context.beginPath();
    context.arc(...place(row), 3.2, 0, 2 * Math.PI);
    context.fill();
  }
  context.globalAlpha = 1;
}

// The front as stairs: between two trials, nothing better is to be had for the money.
function stairs(frame, cost, rows, place) {
  const now = level();
  const sign = rising ? -1 : 1;
  const best = front(rows, (row) => cost.of(row, now.epoch), (row) => sign * now.scores[row]);
  frame.element.dataset.front = best.map((row) => trials.number[row]).join(" ");
  if (!best.length) return;
  const points = best.map(place);
  const steps = points.slice(1).map(([px, py]) => `H${px}V${py}`).join("");
  frame.counts.append(svg("path", { class: "front", d: `M${points[0].join(",")}${steps}` }));
  let last = null;
  best.forEach((row, index) => {
    const [px, py] = points[index];
    frame.counts.append(svg("circle", { class: "onfront", cx: px, cy: py, r: 4.5 }));
    if (last && Math.hypot(px - last[0], py - last[1]) < NAMED) return;
    last = [px, py];
    // On the side where, by what a front is, no trial lies.
    const below = rising ? -9 : 17;
    const room = py + below > TOP && py + below < HEIGHT - BOTTOM - 4;
    const left = px - NAMED < LEFT ? [-4, below, "start"] : [-6, below, "end"];
    const [dx, dy, side] = room ? left : [-9, 4, "end"];
    frame.counts.append(text(px + dx, py + dy, `trial ${trials.number[row]}`,
      { class: "onfront", "text-anchor": side }));
  });
}

function clipped(y, score) {
  return Math.min(Math.max(y(score), TOP), HEIGHT - BOTTOM);
}

function spaced(ticks, x) {
  const kept = [];
  for (const tick of ticks) if (!kept.length || x(tick) - x(kept.at(-1)) > 44) kept.push(tick);
  return kept;
}

function short(value) {
  if (value >= 1e6) return `${value / 1e6} M`;
  return value >= 1e4 ? `${value / 1e3} k` : tickText(value);
}

function nearest(rows, place, px, py) {
  let found = null;
  for (const row of rows) {
    if (!state.shown[row]) continue;
    const [x, y] = place(row);
    const distance = Math.hypot(x - px, y - py);
    if (!found || distance < found.distance) found = { row, distance };
  }
  return found;
}

// The sentence above it follows what is shown, and speaks of the costs that are drawn.
export function frontWords(paragraph, costs) {
  const write = () => {
    const now = level();
    if (!now) return;
    const sign = rising ? -1 : 1;
    const found = costs.map((cost) => {
      const rows = known(cost).filter((row) => state.shown[row]);
      return [cost, rows.length, front(rows, (row) => cost.of(row, now.epoch), (row) => sign * now.scores[row]).length];
    });
    const most = Math.max(...found.map(([, rows]) => rows));
    const parts = found.map(([cost, , best], index) =>
      `${best} ${index ? "" : best === 1 ? "is beaten by no other " : "are beaten by no other "}` +
      `in both ${cost.name} and ${data.metric.short}`);
    paragraph.textContent = most
      ? `Of ${plural(most, "trial")} compared at epoch ${now.epoch}, ${parts.join(", ")}.`
      : "No trial that is shown was compared at this epoch.";
  };
  write();
  on("filter", write);
  on("level", write);
}
