// A run in few words, as the terminal says them.
import { number, plural } from "../format.mjs";

export function progress(facts) {
  if (!facts.planned) return "";
  return `${facts.done.toLocaleString("en")} of ${plural(facts.planned, "trial")}`;
}

export function best({ best: found, metric }) {
  return found ? `${metric} ${number(found.score, metric)}` : "";
}

export function whose({ best: found }) {
  return found ? `trial ${found.number}, epoch ${found.epoch} of ${found.epochs}` : "";
}

export function runWords(facts) {
  return [progress(facts), facts.epochs && plural(facts.epochs, "epoch"),
    facts.failed && `${facts.failed} failed`, facts.reason].filter(Boolean).join(", ");
}

// In the reader's own time zone.
export function moment(iso) {
  if (!iso) return "-";
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "-";
  const two = (part) => String(part).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}`;
}

// Half a surrogate pair, which a name on disk may hold, stands in no address.
export function address(id) {
  return `/runs/${encodeURIComponent(id.toWellFormed?.() ?? id)}`;
}

// The day of an id stands beside it anyway; what is left tells runs apart.
export function shortId(id) {
  return id.replace(/^\d{4}-/, "");
}
