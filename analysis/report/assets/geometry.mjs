// Where the axes of parallel coordinates stand: side by side, or one below the other where a
// screen is too narrow for their names.

import { shortened } from "./format.mjs";

const NARROW = 74; // pixels from axis to axis
const LENGTH = 300;
const ROW = 64;
const LETTER = 6.7; // pixels, of the names
const MOST_LINES = 4;
const EDGE = 0.045; // room for the handles beyond the ends of an axis
const [INSET, ROOM] = [36, 72]; // pixels left of the first axis and right of the last

export function geometry(width, axes) {
  const places = axes.flatMap((axis) => axis.ticks.map(([place]) => place));
  const [low, high] = [Math.min(0, ...places) - EDGE, Math.max(1, ...places) + EDGE];
  const stacked = (width - 60) / axes.length < NARROW;
  return stacked ? rows(width, axes, low, high) : columns(width, axes, low, high);
}

function columns(width, axes, low, high) {
  const pitch = (width - INSET - ROOM) / (axes.length - 1);
  const names = axes.map((axis) => broken(axis.label, Math.floor((pitch - 10) / LETTER)));
  const head = 12 + 15 * Math.max(...names.map((lines) => lines.length));
  const length = LENGTH * (high - low);
  const across = (place) => head + ((high - place) / (high - low)) * length;
  const x = (index) => INSET + index * pitch;
  return {
    stacked: false,
    height: head + length + 14,
    at: (index, place) => [x(index), across(place)],
    across,
    place: (_, y) => high - ((y - head) / length) * (high - low),
    between(px, py) {
      const at = (px - x(0)) / pitch;
      const index = Math.min(Math.max(Math.floor(at), 0), axes.length - 2);
      return { index, part: at - index, across: py };
    },
    ticks: (axis) => apart(axis.ticks, (tick) => -across(tick[0]), () => 13),
    names: (_, index) => names[index].map((line, k) => {
      const y = head - 8 - 15 * (names[index].length - 1 - k);
      return [Math.max(x(index), line.length * LETTER / 2), y, line, "middle"];
    }),
  };
}

function rows(width, axes, low, high) {
  const [from, to] = [6, width - 26];
  const across = (place) => from + ((place - low) / (high - low)) * (to - from);
  const y = (index) => 34 + index * ROW;
  return {
    stacked: true,
    height: 34 + (axes.length - 1) * ROW + 30,
    at: (index, place) => [across(place), y(index)],
    across,
    place: (x) => low + ((x - from) / (to - from)) * (high - low),
    between(px, py) {
      const at = (py - y(0)) / ROW;
      const index = Math.min(Math.max(Math.floor(at), 0), axes.length - 2);
      return { index, part: at - index, across: px };
    },
    ticks: (axis) => apart(axis.ticks, (tick) => across(tick[0]), (tick) => 10 + 7 * Math.min(tick[1].length, 15)),
    names: (axis, index) => [[0, y(index) - 13, shortened(axis.label, width), "start"]],
  };
}

// Ticks whose words do not touch; the first and the last stay.
function apart(ticks, at, size) {
  const sorted = [...ticks].sort((a, b) => at(a) - at(b));
  const last = sorted.at(-1);
  const kept = [];
  for (const tick of sorted) {
    const clear = (other) => Math.abs(at(tick) - at(other)) >= (size(tick) + size(other)) / 2;
    if ((!kept.length || clear(kept.at(-1))) && (tick === last || clear(last))) kept.push(tick);
  }
  if (last && kept.at(-1) !== last) kept.push(last);
  return kept;
}

// A name over a few lines, none longer than its room.
function broken(name, room) {
  const lines = [];
  for (const word of name.split(/[\s_-]+/)) {
    const short = word.length > room ? `${word.slice(0, Math.max(2, room - 1))}…` : word;
    if (lines.length && `${lines.at(-1)} ${short}`.length <= room) lines.push(`${lines.pop()} ${short}`);
    else lines.push(short);
  }
  return lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES - 2), "…", lines.at(-1)] : lines;
}
