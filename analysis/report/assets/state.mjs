// The one store: what is brushed, which trial is marked, at which epoch trials are compared.
import { parameters, scoreAxis } from "./axes.mjs";
import { count, data, trials } from "./data.mjs";
import { keep, kept } from "./memory.mjs";

const brushes = new Map(); // key of an axis -> [low, high], places on it
const listeners = { filter: [], mark: [], level: [] };
const before = kept("state");
let chosen = levelAt(before?.level) !== null; // by the reader

export const state = {
  level: levelAt(before?.level) ?? levelAt(data.compared.epoch) ?? 0,
  shown: new Uint8Array(count).fill(1),
  left: count,
  marked: null,
  pinned: null,
  axes: [],
  rank: new Int32Array(count),
};

export function on(event, listener) {
  listeners[event].push(listener);
}

function emit(event, detail) {
  for (const listener of listeners[event]) listener(detail);
}

function levelAt(epoch) {
  const found = data.levels.findIndex((level) => level.epoch === epoch);
  return found < 0 ? null : found;
}

export function level() {
  return data.levels[state.level] ?? null;
}

export function brushOf(key) {
  return brushes.get(key) ?? null;
}

export function brushed() {
  return brushes.size;
}

export function setBrush(key, range) {
  if (range) brushes.set(key, range);
  else brushes.delete(key);
  filter();
}

export function clearBrushes() {
  brushes.clear();
  filter();
}

function filter() {
  state.shown.fill(1);
  for (const axis of state.axes) {
    const range = brushes.get(axis.key);
    if (!range) continue;
    for (let row = 0; row < count; row += 1) {
      const place = axis.places[row];
      if (place < range[0] || place > range[1]) state.shown[row] = 0;
    }
  }
  state.left = state.shown.reduce((sum, one) => sum + one, 0);
  emit("filter");
}

// Mark a trial everywhere. Its tooltip belongs where it was pointed at: a point in the window, or a
// function that gives one for what has the focus and moves with the page.
export function mark(row, where = null) {
  const marked = row ?? state.pinned;
  if (marked === state.marked && !where) return;
  state.marked = marked;
  emit("mark", row === null ? null : where);
}

// A click keeps the mark when the pointer leaves; a second one lets it go.
export function pin(row, where = null) {
  state.pinned = state.pinned === row ? null : row;
  state.marked = undefined;
  mark(row, where);
}

export function setLevel(index) {
  brushes.delete(state.axes.at(-1)?.key); // its places are no longer what they were
  state.level = index;
  chosen = true;
  enter();
  emit("level");
  filter();
}

// Axes and ranks belong to the epoch at which trials are compared.
function enter() {
  const now = level();
  state.axes = now?.axis ? [...parameters, scoreAxis(now)] : [...parameters];
  state.rank.fill(-1);
  (now?.order ?? []).forEach((row, rank) => {
    state.rank[row] = rank;
  });
}

// Trials as one would walk through them: those compared, best first, then the others.
export function walk() {
  const order = level()?.order ?? [];
  const rest = Array.from({ length: count }, (_, row) => row).filter((row) => state.rank[row] < 0);
  return [...order, ...rest].filter((row) => state.shown[row]);
}

enter();
if (before) restore();

// Brushes as they were: on a parameter's axis if that still means the same, on the axis of scores
// between the same scores, wherever its ends lie by now.
function restore() {
  for (const { key, range, scale } of before.brushes) {
    const axis = state.axes.find((one) => one.key === key);
    if (axis?.score && level().epoch === before.level) brushes.set(key, range.map((place) => moved(place, scale, level().axis)));
    else if (axis && !axis.score && scale === scaleOf(axis)) brushes.set(key, range);
  }
  const rows = new Map(trials.number.map((number, row) => [number, row]));
  state.pinned = rows.get(before.pinned) ?? null;
  state.marked = state.pinned;
  if (brushes.size) filter();
}

// What a place on an axis means: the scores at its ends, or the values along it.
function scaleOf(axis) {
  return axis.score ? level().axis : JSON.stringify(axis.stops.filter(([place]) => place >= 0));
}

function moved(place, from, to) {
  if (place <= 0 || place >= 1) return place; // an end of the axis, or a place beyond it
  const score = from.low + place * (from.high - from.low);
  return Math.min(1, Math.max(0, (score - to.low) / (to.high - to.low)));
}

keep("state", () => {
  const brushed = state.axes.filter((axis) => brushes.has(axis.key));
  return {
    // Otherwise it is the one that is proposed, which later ones may outdo.
    level: chosen || brushed.some((axis) => axis.score) ? level()?.epoch : null,
    pinned: trials.number[state.pinned] ?? null,
    brushes: brushed.map((axis) => ({ key: axis.key, range: brushes.get(axis.key), scale: scaleOf(axis) })),
  };
});
