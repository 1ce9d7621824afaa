// Colours: those of Okabe and Ito from the style sheet, viridis for what has an order.
import { trials } from "./data.mjs";
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

dark.addEventListener("change", changed);
// Paper is white, whatever the screen is; canvases are redrawn before they are printed.
addEventListener("beforeprint", () => {
  document.documentElement.classList.add("paper");
  changed();
});
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("paper");
  changed();
});
