// Numbers and words as the terminal and the static figures write them.
const LETTER = 6.9; // pixels of a letter, roughly

export function number(value, name = "") {
  if (value === null || !Number.isFinite(value)) return "-";
  if (name.includes("accuracy")) return value.toFixed(3);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return shortExponent(value.toExponential(3));
  return String(Number(value.toPrecision(4)));
}

// A value of a config: 0.00376, 1e-4, 64, adam; null is a parameter that does not act.
export function plain(value) {
  if (value === null) return "off";
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) return String(Number(value.toPrecision(3)));
  return shortExponent(value.toExponential(2));
}

function shortExponent(text) {
  const [mantissa, exponent] = text.split("e");
  return `${Number(mantissa)}e${Number(exponent)}`;
}

// A name that fits into a width in pixels: what sets it apart is often at its end.
export function shortened(name, width) {
  const room = Math.floor(width / LETTER);
  if (name.length <= room) return name;
  const half = Math.max(2, Math.floor((room - 1) / 2));
  return `${name.slice(0, half)}…${name.slice(-half)}`;
}

export function plural(count, thing) {
  return count === 1 ? `1 ${thing}` : `${count.toLocaleString("en")} ${thing}s`;
}

export function time(seconds) {
  if (seconds === null) return "-";
  if (seconds < 10) return `${Number(seconds.toPrecision(2))} s`;
  const whole = Math.round(seconds);
  const pad = (part) => String(part).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${pad(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(whole % 60)}`;
}
