// All runs: what each does, and the best of each so far, side by side.
import { byId, html } from "../dom.mjs";
import { plural } from "../format.mjs";
import { follow } from "./poll.mjs";
import { address, best, moment, progress, whose } from "./run_words.mjs";
import { look, stairs, swatch } from "./steps.mjs";
import { statusLine } from "./status.mjs";

const MOST = 10; // curves in a figure
const COLUMNS = ["run", "state", "progress", "best", "started", "tags"];
const lines = new Map(); // id -> the line of its run
const figures = new Map(); // what scores mean -> its figure
const picked = new Set();

const body = html("tbody", { role: "rowgroup" });
const table = html("table", { class: "runs", role: "table", "aria-label": "Runs" },
  html("thead", { role: "rowgroup" }, html("tr", { role: "row" },
    html("th", { scope: "col", role: "columnheader" }, html("span", { class: "unseen" }, "compare")),
    ...COLUMNS.map((name) => html("th", { scope: "col", role: "columnheader" }, name)))), body);
const together = html("button", { type: "button", disabled: true }, "Compare");
const none = html("p", { class: "withheld", hidden: true }, "No runs here yet. Start one: ", html("code", {}, "orch sweep gru-bohb"));
const list = html("section", { id: "runs", "aria-labelledby": "title" }, none,
  html("div", { class: "together" }, together, html("span", { class: "soft" }, "tick two or more runs to see them side by side")),
  html("div", { class: "scroll" }, table));
const curves = html("section", { id: "best", "aria-label": "Best so far" });

together.addEventListener("click", () => {
  location.assign(`/compare?${new URLSearchParams([...picked].map((id) => ["runs", id]))}`);
});

function pick(id, on) {
  if (on) picked.add(id);
  else picked.delete(id);
  together.disabled = picked.size < 2;
  together.textContent = picked.size < 2 ? "Compare" : `Compare ${picked.size} runs`;
}

// A line is made once and written again, so that a tick and the focus stay where they are.
function line(id) {
  const box = html("input", { type: "checkbox", "aria-label": `Compare ${id}` });
  box.addEventListener("change", () => pick(id, box.checked));
  const cells = Object.fromEntries(COLUMNS.map((name) => [name, html("td", { role: "cell", "data-name": name })]));
  const mark = html("span", { class: "mark" });
  const about = html("span", { class: "soft" });
  const bar = html("progress", { max: 1, value: 0, "aria-hidden": "true" });
  const done = html("span");
  const failed = html("span", { class: "soft" });
  const state = html("span", { class: "state" });
  const note = html("span", { class: "soft" });
  const score = html("span");
  const trial = html("span", { class: "soft" });
  cells.run.append(mark, html("a", { href: address(id) }, id), about);
  cells.progress.append(bar, done, failed);
  cells.state.append(state, note);
  cells.best.append(score, trial);
  const row = html("tr", { role: "row", "data-run": id }, html("td", { role: "cell", class: "pick" }, box), ...Object.values(cells));
  return { row, cells, mark, about, bar, done, failed, state, note, score, trial };
}

function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function write(run) {
  if (!lines.has(run.id)) lines.set(run.id, line(run.id));
  const { cells, about, bar, done, failed, state, note, score, trial } = lines.get(run.id);
  put(about, run.dataset ? `${run.sweep} on ${run.dataset}` : run.sweep);
  put(state, run.state);
  state.className = `state ${run.state}`;
  put(note, run.problem || run.reason);
  put(done, progress(run) || "-");
  put(failed, run.failed ? `${run.failed} failed` : "");
  bar.hidden = !run.planned;
  bar.value = run.planned ? run.done / run.planned : 0;
  put(score, best(run) || "-");
  put(trial, whose(run));
  put(cells.started, moment(run.started));
  put(cells.tags, run.tags.join(", ") || "");
  cells.tags.title = run.note;
}

function rows(runs) {
  runs.forEach(write);
  for (const [id, { row }] of lines) {
    if (runs.some((run) => run.id === id)) continue;
    row.remove();
    lines.delete(id);
    pick(id, false);
  }
  runs.forEach((run, place) => {
    const { row } = lines.get(run.id);
    if (body.children[place] !== row) body.insertBefore(row, body.children[place] ?? null);
  });
}

// Runs whose scores mean the same: judged by one metric on one data set, split and limited alike.
function groups(runs) {
  const found = new Map();
  for (const run of runs.filter((one) => one.curve?.scores.length)) {
    const { metric, mode, dataset, split, limits } = run.curve;
    const key = JSON.stringify([metric, mode, dataset, split, limits]);
    found.set(key, [...(found.get(key) ?? []), run]);
  }
  return found;
}

function figure({ label, mode, dataset, limits }) {
  const section = html("section", { class: "best" });
  const title = html("h2", {}, `Best ${label.replace(/ \(.*/, "")}${dataset ? ` on ${dataset}` : ""}${limits ? `, ${limits}` : ""}`);
  const small = html("p", { class: "soft" });
  section.append(title, small);
  curves.append(section);
  const plot = stairs(section, { label: `best ${label}`, foot: "epochs spent, of all trials", rising: mode === "max" });
  return { section, small, plot };
}

function draw(runs) {
  const found = groups(runs);
  for (const [key, { section }] of figures) {
    if (found.has(key)) continue;
    section.remove();
    figures.delete(key);
  }
  for (const { mark } of lines.values()) mark.replaceChildren();
  for (const [key, group] of found) {
    if (!figures.has(key)) figures.set(key, figure(group[0].curve));
    const { small, plot } = figures.get(key);
    // A run keeps its colour when others come.
    const looks = new Map(group.map(({ id }, place) => [id, look(group.length - 1 - place)]));
    const shown = group.slice(0, MOST);
    const newest = shown.length < group.length ? `; the newest ${MOST} of ${group.length} runs` : "";
    put(small, `the best value so far, after any epoch of any trial; a dot is how far a run has come${newest}`);
    plot.show(shown.map(({ id, curve }) => ({ id, look: looks.get(id), x: curve.epochs, y: curve.scores, end: curve.spent })));
    for (const { id } of shown) lines.get(id).mark.append(swatch(looks.get(id)));
  }
}

// Newest first.
function news({ runs }) {
  none.hidden = runs.length > 0;
  table.hidden = together.parentNode.hidden = !runs.length;
  rows(runs);
  table.classList.toggle("tagged", runs.some((run) => run.tags.length));
  draw(runs);
  const running = runs.filter((run) => run.state === "running").length;
  status.show("", `${plural(runs.length, "run")}, ${running || "none"} ${running > 1 ? "are" : "is"} running`);
  status.changed();
  return true; // a new one may come at any time
}

byId("head").append(html("h1", { id: "title" }, "All runs"));
byId("main").append(list, curves);
const status = statusLine([], () => follower);
const follower = follow("/data/home", { news, lost: (words) => status.lost(words), found: () => status.found() });
