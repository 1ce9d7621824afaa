// The one store: what is brushed, which trial is marked, at which epoch trials are compared.
import { parameters, scoreAxis } from "./axes.mjs";
import { count, data } from "./data.mjs";

const brushes = new Map(); // key of an axis -> [low, high], places on it
const listeners = { filter: [], mark: [], level: [] };

export const state = {
  level: Math.max(0, data.levels.findIndex((level) => level.epoch === data.compared.epoch)),
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
