// Colours: those of Okabe and Ito from the style sheet, viridis for what has an order.
import { trials } from "./data.mjs";
import { signal } from "./memory.mjs";
import { level, state } from "./state.mjs";

const VIRIDIS = ["440154", "482475", "414487", "355f8d", "2a788e", "21918c", "22a884", "44bf70",
  "7ad151", "bddf26", "fde725"].map((hex) => [0, 2, 4].map((k) => parseInt(hex.slice(k, k + 2), 16)));
const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = [];
const known = new Map();
let ramp = [];

function viridis(place) {
  const at = Math.min(Math.max(place, 0), 1) * (VIRIDIS.length - 1);
  const below = Math.min(Math.floor(at), VIRIDIS.length - 2);
  const mixed = VIRIDIS[below].map((part, k) =>
    Math.round(part + (VIRIDIS[below + 1][k] - part) * (at - below)));
  return `rgb(${mixed.join(",")})`;
}

// Whether the page is about to be printed.
export function onPaper() {
  return document.documentElement.classList.contains("paper");
}

function isDark() {
  return dark.matches && !onPaper();
}

// A colour of the style sheet, such as "--ink".
export function colour(name) {
  if (!known.has(name)) {
    known.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  }
  return known.get(name);
}

// From 0, which stands back, to 1, which stands out from the page.
export function strength(place) {
  if (!ramp.length) {
    const [faint, strong] = isDark() ? [0.34, 0.97] : [0.82, 0];
    ramp = Array.from({ length: 65 }, (_, k) => viridis(faint + (strong - faint) * (k / 64)));
  }
  return ramp[Math.round(place * 64)];
}

// A colour in which words can be read: darkened, or lightened where it is dark, to 4.5 to 1.
export function legible(rgb) {
  const paper = isDark() ? [22, 24, 27] : [255, 255, 255];
  const [full, step] = isDark() ? [255, 0.05] : [0, 0.04];
  let parts = rgb.match(/\d+/g).map(Number);
  while (contrast(parts, paper) < 4.5) parts = parts.map((part) => part + (full - part) * step);
  return `rgb(${parts.map(Math.round).join(",")})`;
}

// WCAG 2.2, relative luminance.
function contrast(a, b) {
  const light = (parts) => parts.map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, k) => sum + part * [0.2126, 0.7152, 0.0722][k], 0.05);
  const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
  return high / low;
}

// The colour of a trial by its rank where trials are compared: the best stands out.
export function rankColour(row) {
  if (trials.failed[row]) return colour("--vermillion");
  if (state.rank[row] < 0) return colour("--grey");
  const last = level().order.length - 1;
  return strength(last ? 1 - state.rank[row] / last : 1);
}

export function onTheme(listener) {
  listeners.push(listener);
}

function changed() {
  known.clear();
  ramp = [];
  for (const listener of listeners) listener();
}

dark.addEventListener("change", changed, { signal });
// Paper is white, whatever the screen is; canvases are redrawn before they are printed.
addEventListener("beforeprint", () => {
  document.documentElement.classList.add("paper");
  changed();
}, { signal });
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("paper");
  changed();
}, { signal });
