// Several runs side by side: the best so far over epochs and over time, and what can be said of it.
import { byId, html } from "../dom.mjs";
import { follow } from "./poll.mjs";
import { address, best, runWords, shortId, whose } from "./run_words.mjs";
import { look, stairs, swatch } from "./steps.mjs";
import { statusLine } from "./status.mjs";

const LIVE = ["running", "paused", "waiting"];
const list = html("dl", { class: "sides" });
const apart = html("p", { class: "soft" });
const groups = new Map(); // what scores mean -> its part of the page
const looks = new Map(); // id -> colour and dashes

function sides(runs) {
  list.replaceChildren(...runs.flatMap((run) => [
    html("dt", {}, swatch(looks.get(run.id)), html("a", { href: address(run.id) }, run.id)),
    html("dd", {}, html("span", { class: `state ${run.state}` }, run.state), ` ${runWords(run)}`,
      html("span", { class: "soft" }, best(run) ? ` best: ${best(run)}, ${whose(run)}` : " no result yet"))]));
}

function part(group) {
  const section = html("section", {});
  const on = group.data ? ` on ${group.data.split(",")[0]}` : "";
  const title = `${group.short}${on}${group.limits ? `, ${group.limits}` : ""}`;
  const words = html("div", { class: "words" });
  const small = html("p", { class: "soft" });
  const pair = html("div", { class: "pair" });
  section.append(html("h2", {}, title[0].toUpperCase() + title.slice(1)), words, small, pair);
  byId("main").append(section);
  const [left, right] = [html("div"), html("div")];
  pair.append(left, right);
  const said = { label: `best ${group.label}`, rising: group.mode === "max" };
  const table = html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `Best configs: ${title}` });
  section.append(html("h3", {}, "Best configs"), table);
  return { section, words, small, table,
    epochs: stairs(left, { ...said, foot: "epochs spent, of all trials" }),
    seconds: stairs(right, { ...said, foot: "time since the first trial began (m:ss)", clock: true }), right };
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function show(group, shown) {
  sayWords(shown.words, group.words);
  write(shown.small, `curves: ${group.basis}; a dot is how far a run has come`);
  const lines = (of, end) => group.curves.filter((curve) => curve[of]).map((curve) => ({
    id: curve.id, look: looks.get(curve.id), x: curve[of], y: curve.scores, end: curve[end] }));
  shown.epochs.show(lines("epochs", "spent"));
  const timed = lines("seconds", "took");
  shown.right.hidden = !timed.length;
  shown.seconds.show(timed);
  if (group.configs) configs(group.configs, shown.table);
}

// The verdict, a line a strategy, and small print.
function sayWords(host, lines) {
  const kind = (line, place) => (place === 0 ? "reading" : line.startsWith(" ") ? "strategy" : "soft");
  const text = lines.join("\n");
  if (host.dataset.text === text) return;
  host.dataset.text = text;
  host.replaceChildren(...lines.map((line, place) => html("p", { class: kind(line, place) }, line)));
}

// Parameters in which the best configs differ stand out.
function configs({ runs, trials, rows }, host) {
  const cells = (tag, values) => values.map((value) => html(tag, tag === "th" ? { scope: "col", class: "text" } : { class: "text" }, value));
  const head = html("thead", {}, html("tr", {}, html("th", { class: "text", scope: "col" }, "parameter"), ...cells("th", runs.map(shortId))));
  const lines = [["", ...trials], ...rows].map(([name, ...values]) => html("tr", {
    class: name && new Set(values).size > 1 ? "differs" : null }, html("th", { scope: "row", class: "text" }, name), ...cells("td", values)));
  host.replaceChildren(html("table", { class: "configs" }, head, html("tbody", {}, ...lines)));
}

function news({ runs, groups: found = [], problem = "" }) {
  runs.forEach(({ id }, place) => looks.set(id, look(place)));
  sides(runs);
  write(apart, problem || (found.length > 1 ? "Runs that are judged differently stand apart: their scores cannot be compared." : found.length ? "" : "No run has a result yet."));
  apart.hidden = !apart.textContent;
  const keys = found.map((group) => JSON.stringify([group.metric, group.mode, group.data, group.limits]));
  for (const [key, { section }] of groups) {
    if (keys.includes(key)) continue;
    section.remove();
    groups.delete(key);
  }
  found.forEach((group, place) => {
    if (!groups.has(keys[place])) groups.set(keys[place], part(group));
    show(group, groups.get(keys[place]));
  });
  const running = runs.filter((run) => run.state === "running").length;
  status.show("", `${running || "none"} of ${runs.length} runs ${running > 1 ? "are" : "is"} running`);
  status.changed();
  return runs.some((run) => LIVE.includes(run.state));
}

byId("head").append(html("h1", {}, "Runs side by side"), list, apart);
const status = statusLine([["/", "All runs"]], () => follower);
const follower = follow(`/data/compare${location.search}`, {
  news, lost: (words) => status.lost(words), found: () => status.found() });
