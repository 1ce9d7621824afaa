// A figure: a canvas for the many lines, SVG above it for axes, words and the marked trial.
import { html, once, svg } from "./dom.mjs";
import { count } from "./data.mjs";
import { on, state } from "./state.mjs";
import { onPaper, onTheme } from "./theme.mjs";

const PAPER = 3; // dots of a canvas for each pixel where it is printed
const MANY = 2500;
const FEW = 600;
const BEST = 200;

// parts: layout(frame) sets frame.height and draws axes into frame.axes; paint(frame, context)
// draws trials; mark(frame, row) draws one trial into frame.marks.
export function plot(host, label, parts) {
  const canvas = html("canvas", { "aria-hidden": "true" });
  const axes = svg("g");
  const counts = svg("g");
  const marks = svg("g", { class: "marks" });
  const root = svg("svg", { "aria-hidden": parts.open ? null : "true" }, axes, counts, marks);
  const element = html("div", { class: "plot", role: parts.walk ? "group" : "img", tabindex: parts.walk ? 0 : null,
    "aria-label": label }, canvas, root);
  host.append(element);
  const frame = { element, root, axes, counts, marks, width: 0, height: 0 };
  const context = canvas.getContext("2d");
  let [seen, stale] = [true, false];

  let density = 1;

  function layout() {
    density = onPaper() ? PAPER : Math.min(PAPER, window.devicePixelRatio || 1);
    axes.replaceChildren();
    parts.layout(frame);
    root.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
    canvas.width = Math.round(frame.width * density);
    canvas.height = Math.round(frame.height * density);
    paint();
  }

  function paint() {
    stale = false;
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, frame.width, frame.height);
    counts.replaceChildren();
    parts.paint?.(frame, context);
    mark();
  }

  function mark() {
    marks.replaceChildren();
    if (state.marked === null || !parts.mark) delete element.dataset.marked;
    else if (parts.mark(frame, state.marked) === false) delete element.dataset.marked;
    else element.dataset.marked = state.marked;
  }

  function fit() {
    // A print changes no width that a person sees; the picture is scaled as a whole.
    const width = Math.round(element.clientWidth);
    if (!width || width === frame.width) return;
    frame.width = width;
    layout();
  }

  fit();
  new ResizeObserver(once(fit)).observe(element);
  // A brush repaints what is in sight; the rest waits until it is scrolled to, or printed.
  const again = once(() => {
    if (seen) paint();
    else stale = true;
  });
  new IntersectionObserver(([entry]) => {
    seen = entry.isIntersecting;
    if (seen && stale) paint();
  }, { rootMargin: "100px" }).observe(element);
  on("filter", again);
  on("level", layout);
  on("mark", mark);
  onTheme(layout);
  return frame;
}

// Rows to draw: those that are filtered out, if they are few enough to help, and those shown.
// Of thousands, which would hide each other, the best and every so many of the others are drawn.
export function layers() {
  const shown = [];
  const hidden = [];
  for (let row = 0; row < count; row += 1) (state.shown[row] ? shown : hidden).push(row);
  const step = Math.ceil(shown.length / MANY);
  const drawn = step < 2 ? shown : shown.filter((row, place) =>
    place % step === 0 || (state.rank[row] >= 0 && state.rank[row] < BEST));
  return { shown: drawn, hidden: count > MANY ? [] : hidden };
}

// What is said where not every line is drawn.
export function thinnedWords() {
  return count > MANY
    ? `; of ${count.toLocaleString("en")} trials the best ${BEST} and every ${Math.ceil(count / MANY)}th other are drawn, all are counted`
    : "";
}

// Lines get fainter the more there are.
export function opacity(many) {
  return Math.min(0.9, Math.max(many > FEW ? 0.12 : 0.25, 30 / Math.max(many, 1)));
}

export function text(x, y, words, attributes = {}) {
  return svg("text", { x, y, ...attributes }, words);
}

export function bottomAxis(frame, map, y, ticks, label, write = String) {
  const [from, to] = [map(map.low), map(map.high)];
  frame.axes.append(svg("path", { class: "axis", d: `M${from},${y}H${to}` }));
  for (const tick of ticks) {
    frame.axes.append(svg("path", { class: "axis", d: `M${map(tick)},${y}v4` }));
    frame.axes.append(text(map(tick), y + 17, write(tick), { "text-anchor": "middle" }));
  }
  frame.axes.append(text((from + to) / 2, y + 35, withLog(label, map), { "text-anchor": "middle", class: "name" }));
}

export function leftAxis(frame, map, x, ticks, label, write = String, lift = 14) {
  const [from, to] = [map(map.low), map(map.high)];
  frame.axes.append(svg("path", { class: "axis", d: `M${x},${from}V${to}` }));
  for (const tick of ticks) {
    frame.axes.append(svg("path", { class: "axis", d: `M${x},${map(tick)}h-4` }));
    frame.axes.append(text(x - 7, map(tick) + 4, write(tick), { "text-anchor": "end" }));
  }
  // Along the top and not turned by a quarter: read without turning one's head.
  frame.axes.append(text(4, Math.min(from, to) - lift, withLog(label, map), { class: "name" }));
}

// "validation loss (nats, log)": an axis says that it is logarithmic.
function withLog(label, map) {
  if (!map.log) return label;
  return label.endsWith(")") ? `${label.slice(0, -1)}, log)` : `${label} (log)`;
}

export function tickText(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-4)) return value.toExponential().replace("e+", "e");
  return String(Number(value.toPrecision(4)));
}
