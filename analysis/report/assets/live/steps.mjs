// The best so far of several runs as stairs, each named at its end.
import { html, once, svg } from "../dom.mjs";
import { shortened } from "../format.mjs";
import { extent, scale, linearTicks, logTicks, ticksOf, valueScale } from "../scales.mjs";
import { shortId } from "./run_words.mjs";

const HEIGHT = 300;
const [LEFT, TOP, BOTTOM] = [56, 34, 46];
const NARROW = 520; // pixels, below which names stand under the figure
const LETTER = 6.7;
const LINE = 15; // pixels between names
const LOG = 30; // an axis that spans more than this factor is logarithmic
const COLOURS = 7;
const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400]; // seconds

export const look = (index) => `c${index % COLOURS} d${Math.floor(index / COLOURS) % 3}`;

// lines: { id, look, x: [...], y: [...], end }; drawn again by show(lines), or where the width changes.
export function stairs(host, { label, foot, rising, clock = false }) {
  const root = svg("svg", { "aria-hidden": "true" });
  const key = html("ul", { class: "key", "aria-hidden": "true" });
  const element = html("div", { class: "plot stairs", role: "img" }, root);
  host.append(element, key);
  let lines = [];
  let width = 0;

  function draw() {
    if (!width) return;
    root.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    root.replaceChildren();
    key.replaceChildren();
    const shown = lines.filter((line) => line.x.length);
    if (!shown.length) return;
    const narrow = width < NARROW;
    const names = shown.map((line) => shortened(shortId(line.id), narrow ? width : 170));
    const right = narrow ? 14 : 16 + LETTER * Math.max(...names.map((name) => name.length));
    const x = across(shown, width - right);
    const y = valueScale(...extent(shown.flatMap((line) => line.y)), HEIGHT - BOTTOM, TOP, { better: rising });
    axes(x, y, width - right);
    for (const line of shown) root.append(...curve(line, x, y));
    if (narrow) key.append(...shown.map((line, k) => html("li", {}, swatch(line.look), names[k])));
    else root.append(...labels(shown, names, x, y));
  }

  function across(shown, to) {
    const first = Math.min(...shown.map((line) => line.x[0]));
    const last = Math.max(...shown.map((line) => line.end));
    const log = !clock && first > 0 && last > LOG * first;
    return log ? scale(first / 1.05, last, LEFT, to, true) : scale(0, last || 1, LEFT, to);
  }

  function axes(x, y, to) {
    const base = HEIGHT - BOTTOM;
    const most = to < 420 ? 4 : 7;
    const ticks = clock ? timeTicks(x.high, most) : x.log ? logTicks(x.low, x.high, 6) : linearTicks(0, x.high, most);
    const writeX = clock ? minutes : tick;
    root.append(svg("path", { class: "axis", d: `M${LEFT},${base}H${to}` }),
      svg("path", { class: "axis", d: `M${LEFT},${base}V${TOP - 4}` }));
    for (const at of ticks) {
      root.append(svg("path", { class: "axis", d: `M${x(at)},${base}v4` }), words(x(at), base + 17, writeX(at), "middle"));
    }
    for (const at of ticksOf(y, 5)) {
      root.append(svg("path", { class: "axis", d: `M${LEFT},${y(at)}h-4` }), words(LEFT - 7, y(at) + 4, tick(at), "end"));
    }
    root.append(words((LEFT + to) / 2, base + 36, x.log ? `${foot} (log)` : foot, "middle"),
      words(4, TOP - 18, y.log ? withLog(label) : label, "start"));
  }

  new ResizeObserver(once(() => {
    const now = Math.round(element.clientWidth);
    if (now === width) return;
    width = now;
    draw();
  })).observe(element);
  width = Math.round(element.clientWidth);
  return {
    show(next) {
      lines = next;
      const ends = lines.filter((line) => line.y.length).map((line) => `${line.id} ${tick(line.y.at(-1))}`);
      element.setAttribute("aria-label", `${label}, over ${foot}: ${ends.join("; ")}`);
      draw();
    },
  };
}

function withLog(label) {
  return label.endsWith(")") ? `${label.slice(0, -1)}, log)` : `${label} (log)`;
}

function tick(value) {
  const size = Math.abs(value);
  if (size >= 1e6) return `${value / 1e6} M`;
  if (size >= 1e4) return `${value / 1e3} k`;
  return size !== 0 && size < 1e-4 ? value.toExponential() : String(Number(value.toPrecision(4)));
}

// Times fall on whole minutes and hours, not on tens.
function timeTicks(last, most) {
  const step = TIMES.find((size) => last / size <= most) ?? 86400 * Math.ceil(last / 86400 / most);
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, k) => k * step);
}

function minutes(seconds) {
  const two = (part) => String(part).padStart(2, "0");
  const whole = Math.floor(seconds / 60);
  if (whole < 60) return `${whole}:${two(seconds % 60)}`;
  return `${Math.floor(whole / 60)}:${two(whole % 60)}:${two(seconds % 60)}`;
}

function words(x, y, text, anchor) {
  return svg("text", { x, y, "text-anchor": anchor }, text);
}

export function swatch(kind) {
  return svg("svg", { class: "swatch", width: 22, height: 10, "aria-hidden": "true" },
    svg("path", { class: `step ${kind}`, d: "M1,5H21" }));
}

function curve({ look: kind, x: xs, y: ys, end }, x, y) {
  const steps = xs.slice(1).map((at, k) => `H${x(at)}V${y(ys[k + 1])}`).join("");
  const [px, py] = [x(end), y(ys.at(-1))];
  return [svg("path", { class: `step ${kind}`, d: `M${x(xs[0])},${y(ys[0])}${steps}H${px}` }),
    svg("circle", { class: `tip ${kind}`, cx: px, cy: py, r: 3.5 })];
}

// Names beside the ends, moved apart where they would touch.
function labels(shown, names, x, y) {
  const places = shown.map((line, k) => ({ k, at: y(line.y.at(-1)) })).sort((a, b) => a.at - b.at);
  places.forEach((place, order) => {
    if (order) place.at = Math.max(place.at, places[order - 1].at + LINE);
  });
  const over = (places.at(-1)?.at ?? 0) - (HEIGHT - BOTTOM - 2);
  if (over > 0) {
    places.at(-1).at -= over;
    for (let order = places.length - 2; order >= 0; order -= 1) {
      places[order].at = Math.min(places[order].at, places[order + 1].at - LINE);
    }
  }
  return places.map(({ k, at }) => {
    const name = words(x(shown[k].end) + 10, at + 4, names[k], "start");
    name.setAttribute("class", `tag ${shown[k].look}`);
    return name;
  });
}
