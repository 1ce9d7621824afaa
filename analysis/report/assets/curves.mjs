// Learning curves: the objective over epochs, coloured by the epoch where a trial ended.
import { data, reading, rising, trials, winner } from "./data.mjs";
import { svg } from "./dom.mjs";
import { follow } from "./hover.mjs";
import { bottomAxis, layers, leftAxis, opacity, plot, text, tickText } from "./plot.mjs";
import { epochTicks, scale, ticksOf, valueScale } from "./scales.mjs";
import { state } from "./state.mjs";
import { colour, legible, strength } from "./theme.mjs";

const { curves } = data;
const HEIGHT = 380;
const LEFT = 52;
const RIGHT = 62;
const TOP = curves.groups.length > 1 && curves.rungs ? 64 : 40; // with room for how many ended
const BOTTOM = 48;

export function drawCurves(host) {
  if (!reading("learning_curves").drawn || !curves.limits) return false;
  const last = Math.max(curves.of, 1);
  // Rungs grow by a factor, so that on a log axis they stand evenly; other ends do not.
  const log = curves.rungs && curves.groups.length >= 3 && last >= 9;
  let x = null;
  let y = null;
  const label = `Learning curves, ${data.metric.label} over epochs; arrow keys walk through trials`;
  const frame = plot(host, label, {
    walk: true,
    layout(frame) {
      frame.height = HEIGHT;
      const right = frame.width - RIGHT;
      x = log ? scale(0.93, last * 1.07, LEFT, right, true) : scale(1 - 0.03 * last, last * 1.03 + 0.1, LEFT, right);
      y = valueScale(...curves.limits, HEIGHT - BOTTOM, TOP, { better: rising });
      const ticks = log ? thinned([1, ...curves.groups], x) : epochTicks(last);
      bottomAxis(frame, x, HEIGHT - BOTTOM, ticks, "epoch");
      leftAxis(frame, y, LEFT, ticksOf(y), data.metric.label, tickText, TOP - 24);
    },
    paint(frame, context) {
      paint(context, x, y, frame.width);
      ended(frame, x);
      best(frame, x, y);
      frame.element.dataset.shown = state.left;
    },
    mark(frame, row) {
      const points = line(row, x, y);
      if (!points.length) return false;
      const d = `M${points.map((point) => point.join(",")).join("L")}`;
      const dashed = trials.failed[row] ? " dashed" : "";
      const [cx, cy] = points.at(-1);
      const marks = [svg("path", { class: "halo", d }), svg("path", { class: `marked${dashed}`, d }),
        svg("circle", { class: "dot", cx, cy, r: 4 })];
      frame.marks.append(svg("g", { "clip-path": clip(frame) }, ...marks));
      return true;
    },
  });
  follow(frame, (px, py) => nearest(px, py, x, y));
  return true;
}

function clip(frame) {
  if (!frame.clip) {
    frame.clip = svg("rect", { x: LEFT - 6, y: TOP - 8, height: HEIGHT - TOP - BOTTOM + 12 });
    frame.root.prepend(svg("clipPath", { id: "curve-room" }, frame.clip));
  }
  frame.clip.setAttribute("width", frame.width - LEFT);
  return "url(#curve-room)";
}

function line(row, x, y) {
  const points = [];
  curves.values[row].forEach((value, k) => {
    if (value !== null) points.push([x(curves.epochs[k]), y(value)]);
  });
  const [end, last] = [trials.ended[row], curves.last[row]];
  if (last !== null && end > (curves.epochs[curves.values[row].length - 1] ?? 0)) points.push([x(end), y(last)]);
  return points;
}

// The place among the epochs that have a colour; a failed trial belongs to the rung it headed for.
function group(row) {
  const found = curves.groups.findIndex((epoch) => trials.ended[row] <= epoch);
  return found < 0 ? curves.groups.length - 1 : found;
}

function groupColour(index) {
  return strength(curves.groups.length > 1 ? index / (curves.groups.length - 1) : 0.7);
}

function stroke(context, points) {
  context.beginPath();
  for (const point of points) context.lineTo(...point);
  context.stroke();
}

function paint(context, x, y, width) {
  const { shown, hidden } = layers();
  context.save();
  context.beginPath();
  context.rect(LEFT, TOP - 8, width - LEFT, HEIGHT - TOP - BOTTOM + 10);
  context.clip();
  context.lineJoin = "round";
  context.globalAlpha = 0.1;
  context.strokeStyle = colour("--grey");
  for (const row of hidden) stroke(context, line(row, x, y));
  context.lineWidth = 1.3;
  const alpha = opacity(shown.length);
  for (const row of shown) {
    const points = line(row, x, y);
    if (!points.length) continue;
    context.strokeStyle = context.fillStyle = groupColour(group(row));
    context.globalAlpha = alpha;
    context.setLineDash(trials.failed[row] ? [4, 3] : []);
    stroke(context, points);
    context.globalAlpha = Math.min(1, 2 * alpha);
    context.setLineDash([]);
    end(context, ...points.at(-1), trials.failed[row]);
  }
  context.restore();
}

// Where a trial ended: a dot, or a cross where it failed.
function end(context, x, y, failed) {
  context.beginPath();
  if (failed) {
    for (const [dx, dy] of [[1, 1], [1, -1]]) {
      context.moveTo(x - 4 * dx, y - 4 * dy);
      context.lineTo(x + 4 * dx, y + 4 * dy);
    }
    context.lineWidth = 2;
    context.stroke();
    context.lineWidth = 1.3;
  } else {
    context.arc(x, y, 2, 0, 2 * Math.PI);
    context.fill();
  }
}

// Above each rung, how many of the trials shown ended there.
function ended(frame, x) {
  if (curves.groups.length < 2 || !curves.rungs) return;
  // A count that is not there would be missed in the sum.
  if (thinned(curves.groups, x).length < curves.groups.length) return;
  const counts = curves.groups.map(() => 0);
  for (let row = 0; row < trials.ended.length; row += 1) {
    if (state.shown[row] && trials.ended[row] && !trials.failed[row]) counts[group(row)] += 1;
  }
  curves.groups.forEach((epoch, index) => {
    const label = text(x(epoch), TOP - 14, counts[index], { "text-anchor": "middle", class: "bold" });
    label.style.fill = legible(groupColour(index));
    frame.counts.append(label);
  });
  frame.counts.append(text(frame.width, TOP - 14, "ended", { "text-anchor": "end", class: "soft" }));
}

function thinned(epochs, x) {
  const kept = [];
  for (const epoch of [...new Set(epochs)].reverse()) {
    if (!kept.length || x(kept.at(-1)) - x(epoch) > 30) kept.push(epoch);
  }
  return kept.reverse();
}

function best(frame, x, y) {
  if (winner === null || !state.shown[winner]) return;
  // Of the best trial every epoch is there, also where the others are thinned out.
  const points = data.winner.curve.map((value, k) => (value === null ? null : [x(k + 1), y(value)])).filter(Boolean);
  if (!points.length) return;
  const d = `M${points.map((point) => point.join(",")).join("L")}`;
  const [lastX, lastY] = points.at(-1);
  const words = text(lastX + 8, lastY + 4, `trial ${trials.number[winner]}`, { class: "bold best" });
  frame.counts.append(svg("path", { class: "best", d, "clip-path": clip(frame) }),
    svg("circle", { class: "best", cx: x(data.winner.epoch), cy: y(trials.best[winner]), r: 4.5 }), words);
}

function nearest(px, py, x, y) {
  const epoch = x.invert(px);
  let found = null;
  for (let row = 0; row < trials.ended.length; row += 1) {
    if (!state.shown[row] || !curves.values[row].length) continue;
    const distance = away(row, epoch, px, py, x, y);
    if (!found || distance < found.distance) found = { row, distance };
  }
  return found;
}

// How far a curve is from a point, along the axis of values; beyond its end, from its end.
function away(row, epoch, px, py, x, y) {
  const values = curves.values[row];
  const next = curves.epochs.findIndex((kept) => kept >= epoch);
  if (epoch >= trials.ended[row] || next < 0 || next >= values.length || values[next] === null) {
    return Math.hypot(x(trials.ended[row]) - px, y(curves.last[row]) - py);
  }
  if (next === 0) return Math.hypot(x(curves.epochs[0]) - px, y(values[0]) - py);
  const before = values[next - 1] ?? values[next];
  const [from, to] = [x(curves.epochs[next - 1]), x(curves.epochs[next])];
  return Math.abs(y(before) + ((y(values[next]) - y(before)) * (px - from)) / (to - from) - py);
}
