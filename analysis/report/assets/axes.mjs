// The axes of the parallel coordinates: a place for every trial, whatever became of it.
import { count, data, rising, trials } from "./data.mjs";
import { number } from "./format.mjs";
import { linearTicks } from "./scales.mjs";

// Places outside 0..1: a parameter that does not act; a trial that was not compared; a failed one.
const OFF = -0.13;
const SHORT = rising ? -0.13 : 1.13;
const FAILED = rising ? -0.26 : 1.26;
const STEPS = 50;

function parameterAxis(axis, index) {
  const off = axis.places.includes(null);
  const places = Float64Array.from(axis.places, (place) => place ?? OFF);
  const outside = off ? [[OFF, "off"]] : [];
  return {
    key: axis.name,
    label: axis.label,
    places,
    drawn: axis.wide ? spread(places, axis.cells, index) : places,
    ticks: [...outside, ...axis.ticks],
    stops: [...outside, ...axis.stops],
  };
}

// Equal values are moved apart a little, or they would hide each other. Multiples of the golden
// ratio spread evenly, whatever the number of trials.
function spread(places, cells, index) {
  return places.map((place, row) => {
    const offset = ((row * 0.6180339887 + 0.37 * index) % 1) - 0.5;
    return place < 0 ? place : place + (0.4 * offset) / cells;
  });
}

export const parameters = data.axes.map(parameterAxis);

// Only trials compared at the level's epoch lie on the scale of scores; others have their own place.
export function scoreAxis(level) {
  const { low, high, beyond } = level.axis;
  const places = new Float64Array(count);
  let short = false;
  let failed = false;
  for (let row = 0; row < count; row += 1) {
    const score = level.scores[row];
    if (trials.failed[row]) {
      places[row] = FAILED;
      failed = true;
    } else if (score === null) {
      places[row] = SHORT;
      short = true;
    } else {
      places[row] = Math.min(1, Math.max(0, (score - low) / (high - low)));
    }
  }
  const outside = [];
  if (short) outside.push([SHORT, `before ${level.epoch}`]);
  if (failed) outside.push([FAILED, "failed"]);
  const stops = Array.from({ length: STEPS + 1 }, (_, step) => {
    const place = step / STEPS;
    return [place, number(low + place * (high - low), data.metric.name)];
  });
  return {
    key: "\u0000score", // no parameter is called so
    label: data.metric.label,
    score: true,
    places,
    drawn: places,
    ticks: sorted([...outside, ...scoreTicks(low, high, beyond)]),
    stops: sorted([...outside, ...stops]),
  };
}

function scoreTicks(low, high, beyond) {
  const worst = rising ? 0 : 1;
  const sign = beyond ? (rising ? "≤ " : "≥ ") : "";
  const ends = [[0, low], [1, high]];
  const inner = linearTicks(low, high, 5)
    .map((value) => [(value - low) / (high - low), value])
    .filter(([place]) => place > 0.1 && place < 0.9);
  return [...ends, ...inner].map(([place, value]) => {
    const text = String(Number(value.toPrecision(3)));
    return [place, place === worst ? sign + text : text];
  });
}

function sorted(stops) {
  return stops.sort((a, b) => a[0] - b[0]);
}
