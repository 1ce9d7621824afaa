// What Python found, as it was given to the page.
export const data = given.data;
export const trials = data.trials;
export const count = trials.number.length;
export const stateOf = (row) => trials.states[trials.state[row]] ?? "-";
export const rising = data.metric.mode === "max";

const rows = new Map(trials.number.map((number, row) => [number, row]));
export const winner = data.winner ? rows.get(data.winner.number) : null;

// The sentence of a figure, and whether there is enough for it to be drawn.
export function reading(name) {
  return data.readings[name] ?? { drawn: true, reading: "" };
}
