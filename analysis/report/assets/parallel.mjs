// Parallel coordinates: a line a trial through its parameters to its score.
import { brushes } from "./brushes.mjs";
import { count, data, reading, trials } from "./data.mjs";
import { html, svg } from "./dom.mjs";
import { geometry } from "./geometry.mjs";
import { follow } from "./hover.mjs";
import { layers, opacity, plot, text } from "./plot.mjs";
import { on, state } from "./state.mjs";
import { colour, onTheme, rankColour, strength } from "./theme.mjs";

const BEST = 5;
const STEPS = 16; // of the legend
const LONGEST = 15; // letters of a tick
const DASHES = [5, 4];

export function drawParallel(host) {
  if (!reading("parallel_coordinates").drawn || !state.axes.at(-1)?.score) return false;
  let place = null; // where things are; set by layout
  const frame = plot(host, `Parallel coordinates of ${count} trials; arrow keys walk through them`, {
    walk: true,
    open: true,
    layout(frame) {
      place = geometry(frame.width, state.axes);
      frame.height = place.height;
      frame.element.classList.toggle("stacked", place.stacked);
      drawAxes(frame, place);
      handles.attach(frame.root);
      handles.place(place);
    },
    paint(frame, context) {
      paint(context, place);
      frame.element.dataset.shown = state.left;
      handles.update();
    },
    mark(frame, row) {
      const failed = trials.failed[row] ? " dashed" : "";
      frame.marks.append(svg("path", { class: `halo`, d: path(place, row) }),
        svg("path", { class: `marked${failed}`, d: path(place, row) }));
    },
  });
  follow(frame, (x, y) => nearestLine(place, x, y));
  return true;
}

const handles = brushes();
on("level", () => handles.renew());

function path(place, row) {
  return state.axes.map((axis, index) => place.at(index, axis.drawn[row]).join(","))
    .map((point, index) => (index ? "L" : "M") + point).join("");
}

function stroke(context, place, row) {
  context.beginPath();
  for (let index = 0; index < state.axes.length; index += 1) {
    context.lineTo(...place.at(index, state.axes[index].drawn[row]));
  }
  context.stroke();
}

// Lines that are not what one looks for: the fainter the more there are.
function faint(total, rows, least, most) {
  return Math.max(least, Math.min(most, total / Math.max(rows.length, 1)));
}

function paint(context, place) {
  const { shown, hidden } = layers();
  context.lineJoin = "round";
  context.lineWidth = 0.8;
  context.strokeStyle = colour("--grey");
  context.globalAlpha = faint(8, hidden, 0.02, 0.1);
  for (const row of hidden) stroke(context, place, row);
  // Not compared: apart, faint. Failed: dashed. Then the worst first, so that the best lie on top.
  const compared = shown.filter((row) => state.rank[row] >= 0 && !trials.failed[row])
    .sort((a, b) => state.rank[b] - state.rank[a]);
  const others = shown.filter((row) => state.rank[row] < 0 && !trials.failed[row]);
  context.globalAlpha = faint(20, others, 0.06, 0.45);
  for (const row of others) stroke(context, place, row);
  const failed = shown.filter((row) => trials.failed[row]);
  context.setLineDash(DASHES);
  context.strokeStyle = colour("--vermillion");
  context.globalAlpha = faint(15, failed, 0.15, 0.8);
  for (const row of failed) stroke(context, place, row);
  context.setLineDash([]);
  const most = compared.length - BEST;
  compared.forEach((row, index) => {
    const top = index >= most;
    context.globalAlpha = top ? 1 : opacity(compared.length);
    context.lineWidth = top ? 2 : 1;
    context.strokeStyle = rankColour(row);
    stroke(context, place, row);
  });
  context.globalAlpha = 1;
}

function drawAxes(frame, place) {
  state.axes.forEach((axis, index) => {
    const [x0, y0] = place.at(index, 0);
    const [x1, y1] = place.at(index, 1);
    frame.axes.append(svg("path", { class: "axis strong", d: `M${x0},${y0}L${x1},${y1}` }));
    for (const [at, words] of place.ticks(axis)) {
      const [x, y] = place.at(index, at);
      frame.axes.append(svg("path", { class: "axis", d: place.stacked ? `M${x},${y}v5` : `M${x},${y}h5` }));
      frame.axes.append(place.stacked
        ? text(x, y + 17, short(words), { class: "tick", "text-anchor": anchor(x, frame.width, short(words)) })
        : text(x + 8, y + 4, short(words), { class: "tick" }));
    }
    const bold = axis.score ? "name bold" : "name";
    place.names(axis, index).forEach(([x, y, words, where]) => {
      frame.axes.append(text(x, y, words, { class: bold, "text-anchor": where }));
    });
  });
}

function short(words) {
  return words.length > LONGEST ? `${words.slice(0, LONGEST - 1)}…` : words;
}

function anchor(x, width, words) {
  const half = words.length * 3.5;
  if (x - half < 0) return "start";
  return x + half > width ? "end" : "middle";
}

// The nearest line between the two axes around the pointer.
function nearestLine(place, x, y) {
  const { index, part, across } = place.between(x, y);
  const [left, right] = [state.axes[index], state.axes[index + 1]];
  if (!right) return null;
  let found = null;
  for (let row = 0; row < count; row += 1) {
    if (!state.shown[row]) continue;
    const a = place.across(left.drawn[row]);
    const b = place.across(right.drawn[row]);
    const distance = Math.abs(a + (b - a) * part - across);
    if (!found || distance < found.distance) found = { row, distance };
  }
  return found;
}

// What the colours mean: they stand out the more the better a trial is, on either background.
export function legend() {
  const steps = Array.from({ length: STEPS }, (_, k) => svg("rect", { x: k * 8, y: 0, width: 8, height: 10 }));
  const dye = () => steps.forEach((step, k) => step.setAttribute("fill", strength(k / (STEPS - 1))));
  dye();
  onTheme(dye);
  const ramp = svg("svg", { width: 8 * STEPS, height: 10, "aria-hidden": "true" }, ...steps);
  const dashed = trials.failed.includes(1) ? "dashed: failed" : "";
  return html("p", { class: "legend soft" }, "worse ", ramp, ` better ${data.metric.short}`,
    html("span", {}, dashed));
}
