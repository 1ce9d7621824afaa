// From values to pixels: linear, or logarithmic where values span a factor of four.

const FACTOR = 4;

export function scale(low, high, from, to, log = false) {
  const place = log ? Math.log : (value) => value;
  const back = log ? Math.exp : (value) => value;
  const [start, span] = [place(low), place(high) - place(low) || 1];
  const map = (value) => from + ((place(value) - start) / span) * (to - from);
  map.invert = (pixel) => back(start + ((pixel - from) / (to - from)) * span);
  map.log = log;
  map.low = low;
  map.high = high;
  return map;
}

// An axis for values: with a margin, and logarithmic unless more is better, since what matters is
// then near the top, which a logarithm would crowd.
export function valueScale(low, high, from, to, { better = false } = {}) {
  if (!better && low > 0 && high / low > FACTOR) {
    const margin = (high / low) ** 0.05;
    return scale(low / margin, high * margin, from, to, true);
  }
  const margin = 0.06 * (high - low) || 0.05 * Math.abs(high) || 0.1;
  return scale(low - margin, high + margin, from, to);
}

export function ticksOf(map, most = 6) {
  return map.log ? logTicks(map.low, map.high, most) : linearTicks(map.low, map.high, most);
}

export function linearTicks(low, high, most = 6) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(span));
  const step = [0.1, 0.2, 0.5, 1, 2, 5].map((part) => part * power)
    .find((size) => span / size <= most);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, k) =>
    Number(((first + k) * step).toPrecision(10)));
}

// At least three round numbers between the bounds and not many more.
export function logTicks(low, high, most = 6) {
  const decades = [];
  for (let k = Math.floor(Math.log10(low)); k <= Math.ceil(Math.log10(high)); k += 1) decades.push(k);
  let found = [];
  for (const mantissas of [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]]) {
    found = decades.flatMap((k) => mantissas.map((m) => Number(`${m}e${k}`)))
      .filter((tick) => tick >= low && tick <= high);
    if (found.length >= 3) break;
  }
  const step = Math.max(1, Math.ceil(found.length / (most + 1)));
  return found.filter((_, place) => place % step === 0);
}

// Whole epochs from 1 to the last: the first, round ones, the last.
export function epochTicks(last) {
  if (last <= 6) return Array.from({ length: last }, (_, k) => k + 1);
  const inner = linearTicks(0, last, 6).filter((tick) => tick > 0 && tick < last);
  const step = inner[1] - inner[0] || inner[0];
  return [1, ...inner.filter((tick) => tick - 1 > 0.6 * step && last - tick > 0.6 * step), last];
}

export function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value === null || value === undefined) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
