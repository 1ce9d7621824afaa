// A run's report, drawn again when there is news; what the reader has done to it stays.
import { byId, html, say } from "../dom.mjs";
import { plural } from "../format.mjs";
import { follow } from "./poll.mjs";
import { isBusy, putBack, remembered, watchReader } from "./reader.mjs";
import { report } from "./report.mjs";
import { runWords } from "./run_words.mjs";
import { statusLine } from "./status.mjs";

const LOOK = 250; // milliseconds between two looks whether the page may change
const SHARE = 10; // of the time at least that drawing leaves to the reader
const run = decodeURIComponent(location.pathname.split("/").at(-1));
const LIVE = ["running", "paused", "waiting"];

let drawn = null; // what draws the page: { leave, end, given }
let next = null; // the newest report that is not drawn yet
let free = 0; // when the next one may be drawn
let empty = false; // the page has said that there are no results

function clear() {
  document.querySelector("body > nav")?.remove();
  byId("head").replaceChildren();
  byId("main").replaceChildren();
  byId("tooltip").hidden = true;
}

function draw(data) {
  const began = performance.now();
  const reader = remembered();
  const given = { data, kept: drawn?.leave() ?? null, silent: true };
  drawn?.end.abort();
  // As long as before while it is empty, or the page would jump to its top.
  document.body.style.minHeight = `${document.documentElement.scrollHeight}px`;
  clear();
  const end = new AbortController();
  given.signal = end.signal;
  drawn = { ...report(given), end };
  putBack(reader);
  document.body.style.minHeight = "";
  given.silent = false;
  free = performance.now() + SHARE * (performance.now() - began);
  document.documentElement.dataset.drawn = Number(document.documentElement.dataset.drawn ?? 0) + 1;
  status.changed();
}

function waiting(facts, words) {
  clear();
  empty = true;
  byId("head").append(html("p", { class: "run" }, facts.id),
    html("h1", {}, facts.dataset ? `${facts.sweep} on ${facts.dataset}` : facts.sweep || facts.id));
  const fills = LIVE.includes(facts.state) ? " This page fills by itself." : "";
  byId("main").append(html("p", { class: "withheld" }, words + fills));
}

function attempt() {
  if (!next || document.hidden || performance.now() < free || (drawn && isBusy())) return;
  const data = next;
  const first = drawn === null && empty;
  next = null;
  try {
    draw(data);
  } catch (error) {
    status.lost(`This page has a bug: ${error.message}`);
    throw error;
  }
  if (first) say("The first results are here");
}

function news({ run: facts, report: data, waiting: words }) {
  status.show(facts.state, runWords(facts), facts.reason);
  document.title = facts.state === "running" && facts.planned
    ? `${facts.done} of ${facts.planned}: ${facts.id}` : `${facts.id}: what the sweep ${data ? "finds" : "does"}`;
  problem.textContent = facts.problem;
  problem.hidden = !facts.problem;
  if (data) {
    next = data;
    attempt();
  } else if (!drawn) waiting(facts, words);
  return LIVE.includes(facts.state);
}

watchReader();
const problem = html("p", { class: "problem", hidden: true });
const status = statusLine([["/", "All runs"]], () => follower);
byId("status").append(problem);
setInterval(attempt, LOOK);
document.addEventListener("visibilitychange", attempt);
const follower = follow(`/data/runs/${encodeURIComponent(run)}`, {
  news, lost: (words) => status.lost(words), found: () => status.found() });
