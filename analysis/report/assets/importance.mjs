// Importance: the share of the variance that each parameter explains alone, and pairs of them.
import { data, reading } from "./data.mjs";
import { svg } from "./dom.mjs";
import { shortened } from "./format.mjs";
import { bottomAxis, plot, text, tickText } from "./plot.mjs";
import { linearTicks, scale } from "./scales.mjs";

const found = data.importance;
const MOST = 20;
const ROW = 27;
const LETTER = 6.9;

// A bar a parameter, then one a pair that stands out from chance, then what is left: the other
// pairs, and three or more parameters together.
function bars() {
  const alone = found.effects.slice(0, MOST).map((effect) => ({ ...effect, kind: "alone" }));
  const pairs = found.pairs.map((pair) => ({ ...pair, name: `${pair.a} x ${pair.b}`, kind: "pair" }));
  const rest = (name, share) => ({ name, share, spread: 0, kind: "together" });
  const others = pairs.length ? "other pairs" : found.of_pairs === 1 ? "two together" : "all pairs";
  return [...alone, ...pairs,
    ...(found.of_pairs > pairs.length ? [rest(others, found.rest)] : []),
    ...(found.effects.length > 2 ? [rest("three or more", found.together)] : [])];
}

export function drawImportance(host) {
  if (!reading("importance").drawn || !found.effects.length) return false;
  const shown = bars();
  const label = "Importance: " + shown.map((bar) => `${bar.name} ${bar.share.toFixed(2)}`).join(", ");
  plot(host, label, {
    layout(frame) {
      frame.height = 30 + shown.length * ROW + 46;
      draw(frame, shown);
    },
  });
  return true;
}

function draw(frame, shown) {
  const room = Math.min(frame.width * 0.4, 26 + LETTER * Math.max(...shown.map((bar) => bar.name.length)));
  const most = Math.max(0.1, ...shown.map((bar) => Math.min(1, bar.share + bar.spread)));
  const x = scale(0, most * 1.05, room, frame.width - 48);
  const foot = 30 + shown.length * ROW;
  bottomAxis(frame, x, foot, linearTicks(0, most, frame.width < 500 ? 3 : 5), "share of variance (± resampled)", tickText);
  shown.forEach((bar, index) => drawBar(frame, x, bar, 30 + index * ROW, room - 12));
  if (found.noise > 0 && found.noise <= x.high) {
    const at = x(found.noise);
    const side = at - room > 24 ? "middle" : "start";
    const last = 30 + found.effects.slice(0, MOST).length * ROW; // it is that of single parameters
    frame.axes.append(svg("path", { class: "chance", d: `M${at},26V${last}` }),
      text(at, 18, "chance", { class: "soft", "text-anchor": side }));
  }
}

function drawBar(frame, x, bar, top, width) {
  const middle = top + ROW / 2;
  const kind = bar.kind === "together" ? "together" : bar.noise ? "noise" : bar.kind;
  const high = Math.min(1, bar.share + bar.spread);
  const name = shortened(bar.name, width);
  frame.axes.append(
    text(x(0) - 8, middle + 4, name, { "text-anchor": "end", class: bar.kind === "together" ? "soft" : null }),
    svg("rect", { class: `bar ${kind}`, x: x(0), y: top + 4, height: ROW - 8, width: Math.max(0, x(bar.share) - x(0)) }),
  );
  // What a forest sees of a pair where effects only add up.
  if (bar.kind === "pair") {
    frame.axes.append(svg("path", { class: "additive", d: `M${x(bar.chance)},${top + 1}v${ROW - 2}` }));
  }
  if (bar.spread > 0) {
    const low = Math.max(0, bar.share - bar.spread);
    const d = `M${x(low)},${middle}H${x(high)}M${x(low)},${middle - 4}v8M${x(high)},${middle - 4}v8`;
    frame.axes.append(svg("path", { class: "spread", d }));
  }
  // A number that would stand on the line of chance moves to its right.
  const over = bar.kind === "alone" && found.noise > high && x(found.noise) - x(high) < 42 ? found.noise : high;
  frame.axes.append(text(x(over) + 7, middle + 4, bar.share.toFixed(2), { class: "value" }));
}
