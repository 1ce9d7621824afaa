// Epoch optimum: the curves of the best full trials, their smoothed mean and where it is best.
import { data, reading, trials } from "./data.mjs";
import { svg } from "./dom.mjs";
import { bottomAxis, leftAxis, plot, text, tickText } from "./plot.mjs";
import { epochTicks, extent, scale, ticksOf, valueScale } from "./scales.mjs";
import { state } from "./state.mjs";

const found = data.optimum;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 78, 40, 48];
const HEIGHTS = [330, 240];

export function drawOptimum(host) {
  if (!reading("epoch_optimum").drawn || !found.panels) return false;
  found.panels.forEach((panel, index) => drawPanel(host, panel, index));
  return true;
}

function drawPanel(host, panel, index) {
  const height = HEIGHTS[index];
  let x = null;
  let y = null;
  const label = `${panel.label} of the best ${found.rows.length} full trials; best at epoch ${panel.epoch}`;
  plot(host, label, {
    layout(frame) {
      frame.height = height;
      x = scale(0.5, found.max_epochs + 0.5, LEFT, frame.width - RIGHT);
      y = valueScale(...limits(panel), height - BOTTOM, TOP, { better: panel.rising });
      bottomAxis(frame, x, height - BOTTOM, epochTicks(found.max_epochs), "epoch");
      const both = panel.train ? panel.label.replace(/^validation /, "") : panel.label;
      leftAxis(frame, y, LEFT, ticksOf(y, 5), both, tickText);
    },
    paint(frame) {
      draw(frame, panel, x, y, height, index);
    },
    mark(frame, row) {
      const place = found.rows.indexOf(row);
      if (place < 0) return false;
      frame.marks.append(svg("path", { class: "marked", d: path(panel.curves[place], x, y) }));
      return true;
    },
  });
}

// A training loss that vanishes must not flatten what is to be read here.
function limits(panel) {
  const [low, high] = extent([...panel.curves.flat(), ...panel.mean]);
  if (!panel.train) return [low, high];
  const train = low > 0 ? panel.train.map((value) => Math.max(value, low / 10)) : panel.train;
  return extent([low, high, ...train]);
}

function path(values, x, y) {
  return values.map((value, k) => (value === null ? null : `${x(k + 1)},${y(value)}`))
    .filter(Boolean).map((point, k) => (k ? "L" : "M") + point).join("");
}

function draw(frame, panel, x, y, height, index) {
  const hue = index ? "second" : "first";
  const foot = height - BOTTOM;
  const add = (...parts) => frame.counts.append(...parts);
  if (panel.band && panel.band[0] !== null) {
    const [low, high] = [x(panel.band[0] - 0.5), x(panel.band[1] + 0.5)];
    add(svg("rect", { class: "interval", x: low, y: TOP, width: high - low, height: foot - TOP }));
  }
  panel.curves.forEach((curve, place) => {
    const off = state.shown[found.rows[place]] ? "" : " filtered";
    add(svg("path", { class: `own ${hue}${off}`, d: path(curve, x, y) }));
  });
  const at = x(panel.epoch);
  add(svg("path", { class: "chance", d: `M${at},${TOP}V${foot}` }),
    text(at, TOP - 8, `epoch ${panel.epoch}`, { "text-anchor": "middle" }));
  // Below the axis, where the training loss may go, nothing is drawn.
  const inside = (value) => (value === null || y(value) > foot ? null : value);
  if (panel.train) add(svg("path", { class: "train", d: path(panel.train.map(inside), x, y) }));
  add(svg("path", { class: `average ${hue}`, d: path(panel.mean, x, y) }),
    svg("circle", { class: `average ${hue}`, cx: at, cy: y(panel.mean[panel.epoch - 1]), r: 4.5 }));
  if (panel.train) ends(add, panel, x, y, foot);
}

function ends(add, panel, x, y, foot) {
  const right = x(found.max_epochs + 0.5) + 6;
  const train = panel.train.at(-1);
  const below = y(train) > foot;
  const [a, b] = [y(panel.mean.at(-1)), below ? foot - 8 : y(train)];
  const push = Math.max(0, 15 - Math.abs(a - b)) / 2 * Math.sign(b - a || 1);
  add(text(right, a - push + 4, "validation", { class: "first" }),
    text(right, b + push + 4, below ? "training ↓" : "training", { class: "train" }));
}

// Which trials stand behind it, for the line under the heading.
export function optimumWords() {
  if (!found.panels) return "";
  if (found.rows.length === 1) return `trial ${trials.number[found.rows[0]]}; thick: smoothed`;
  const numbers = found.rows.map((row) => trials.number[row]).join(", ");
  return `the best ${found.rows.length} of ${found.full_trials} full trials (${numbers}); thick: their smoothed mean`;
}
