// Effects: the score over each parameter that matters, a dot a trial, with the forest's mean
// curve where there is one.
import { parameters } from "./axes.mjs";
import { count, data, rising, trials } from "./data.mjs";
import { html, svg } from "./dom.mjs";
import { shortened } from "./format.mjs";
import { follow } from "./hover.mjs";
import { layers, leftAxis, opacity, plot, text, tickText } from "./plot.mjs";
import { extent, scale, ticksOf, valueScale } from "./scales.mjs";
import { state } from "./state.mjs";
import { colour } from "./theme.mjs";

const MOST = 6;
const HEIGHT = 220;
const [LEFT, RIGHT, TOP, BOTTOM] = [48, 14, 34, 44];

// The level at which importance was found, which need not be the one that the page compares at.
export const effectLevel = data.levels.find((level) => level.epoch === data.importance.epoch) ?? null;

export function drawEffects(host) {
  if (!effectLevel?.axis || !data.importance.effects.length) return false;
  const names = data.importance.effects.slice(0, MOST).map((effect) => effect.name);
  const shown = names.map((name) => parameters.find((axis) => axis.key === name)).filter(Boolean);
  const grid = html("div", { class: "effects" });
  host.append(grid);
  for (const axis of shown) drawOne(grid, axis);
  return shown.length > 0;
}

function drawOne(grid, axis) {
  const curve = data.effects.find((effect) => effect.name === axis.key) ?? null;
  const off = axis.ticks[0]?.[1] === "off";
  let x = null;
  let y = null;
  const frame = plot(grid, `Effect of ${axis.label} on ${data.metric.label}; arrow keys walk through trials`, {
    walk: true,
    layout(frame) {
      frame.height = HEIGHT;
      x = scale(off ? -0.2 : -0.03, 1.03, LEFT, frame.width - RIGHT);
      y = scoresScale(curve);
      leftAxis(frame, y, LEFT, ticksOf(y, 4), data.metric.label, tickText);
      foot(frame, x, axis);
      if (curve) band(frame, x, y, curve);
    },
    paint(_, context) {
      context.fillStyle = colour("--ink");
      context.globalAlpha = Math.max(0.15, 0.6 * opacity(effectLevel.order.length));
      for (const row of layers().shown) {
        const score = effectLevel.scores[row];
        if (score === null || trials.failed[row]) continue;
        context.beginPath();
        context.arc(x(axis.drawn[row]), clipped(y, score), 2.2, 0, 2 * Math.PI);
        context.fill();
      }
      context.globalAlpha = 1;
    },
    mark(frame, row) {
      const score = effectLevel.scores[row];
      if (score === null) return false;
      frame.marks.append(svg("circle", { class: "dot", cx: x(axis.drawn[row]), cy: clipped(y, score), r: 5 }));
      return true;
    },
  });
  follow(frame, (px, py) => nearest(axis, x, y, px, py));
}

function scoresScale(curve) {
  const { low, high } = effectLevel.axis;
  const [least, most] = extent([low, high, ...(curve ? [...curve.low, ...curve.high] : [])]);
  return valueScale(least, most, HEIGHT - BOTTOM, TOP, { better: rising });
}

// A score beyond the fence of outliers lies at the edge.
function clipped(y, score) {
  return Math.min(Math.max(y(score), TOP), HEIGHT - BOTTOM);
}

function foot(frame, x, axis) {
  const base = HEIGHT - BOTTOM;
  frame.axes.append(svg("path", { class: "axis", d: `M${x(x.low)},${base}H${x(x.high)}` }));
  let free = -Infinity;
  for (const [place, words] of axis.ticks) {
    const half = 3.6 * words.length + 3;
    frame.axes.append(svg("path", { class: "axis", d: `M${x(place)},${base}v4` }));
    if (x(place) - half < free) continue;
    free = x(place) + half;
    frame.axes.append(text(Math.min(x(place), frame.width - half), base + 17, words, { "text-anchor": "middle" }));
  }
  frame.axes.append(text((x(0) + x(1)) / 2, base + 35, shortened(axis.label, frame.width), { class: "name", "text-anchor": "middle" }));
}

// The mean curve and, around it, how far apart the forest's trees are; single values have bars.
function band(frame, x, y, curve) {
  const points = curve.at.map((at, k) => [x(at), curve.mean[k], curve.low[k], curve.high[k]])
    .filter((point) => point.every((value) => value !== null));
  if (!points.length) return;
  if (curve.grid) {
    for (const [px, mean, low, high] of points) {
      frame.axes.append(svg("path", { class: "reach", d: `M${px},${clipped(y, low)}V${clipped(y, high)}` }),
        svg("path", { class: "mean halo", d: `M${px - 8},${clipped(y, mean)}h16` }),
        svg("path", { class: "mean", d: `M${px - 7},${clipped(y, mean)}h14` }));
    }
    return;
  }
  const path = (column, from) => from.map((point) => `${point[0]},${clipped(y, point[column])}`).join("L");
  frame.axes.append(
    svg("path", { class: "interval", d: `M${path(2, points)}L${path(3, [...points].reverse())}Z` }),
    svg("path", { class: "mean halo", d: `M${path(1, points)}` }),
    svg("path", { class: "mean", d: `M${path(1, points)}` }),
  );
}

function nearest(axis, x, y, px, py) {
  let found = null;
  for (let row = 0; row < count; row += 1) {
    const score = effectLevel.scores[row];
    if (score === null || !state.shown[row] || trials.failed[row]) continue;
    const distance = Math.hypot(x(axis.drawn[row]) - px, clipped(y, score) - py);
    if (!found || distance < found.distance) found = { row, distance };
  }
  return found;
}
