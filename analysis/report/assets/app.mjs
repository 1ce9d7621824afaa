// The page from top to bottom.
import { copyBlock } from "./copy.mjs";
import { drawCurves } from "./curves.mjs";
import { count, data, reading, trials } from "./data.mjs";
import { html } from "./dom.mjs";
import { drawEffects, effectLevel } from "./effects.mjs";
import { drawFilterBar } from "./filter_bar.mjs";
import { plural } from "./format.mjs";
import { drawFront, frontWords } from "./front.mjs";
import { drawImportance } from "./importance.mjs";
import { remember, signal } from "./memory.mjs";
import { drawOptimum, optimumWords } from "./optimum.mjs";
import { drawParallel, legend } from "./parallel.mjs";
import { thinnedWords } from "./plot.mjs";
import { level, mark, on, state } from "./state.mjs";
import { drawTable } from "./table.mjs";
import { startTooltip } from "./tooltip.mjs";

const main = document.getElementById("main");
const contents = html("nav", { "aria-label": "Contents" });

function section(id, title, name) {
  const element = html("section", { id, "aria-labelledby": `${id}-title` },
    html("h2", { id: `${id}-title` }, title));
  main.append(element);
  contents.append(html("a", { href: `#${id}` }, name));
  const line = (words, kind = null) => {
    const paragraph = html("p", { class: kind }, words);
    element.append(paragraph);
    return paragraph;
  };
  return { element, line };
}

// A figure under its sentence; where it would mislead, its place says why.
function figure(id, title, name, figureName, draw, ...small) {
  const { element, line } = section(id, title, name);
  const { drawn, reading: words } = reading(figureName);
  if (!drawn) {
    line(`Not drawn: ${words}.`, "withheld");
    return element;
  }
  line(words, "reading");
  for (const soft of small.filter(Boolean)) line(soft, "soft");
  draw(element);
  return element;
}

function head() {
  const header = document.getElementById("head");
  header.append(html("p", { class: "run" }, data.run), html("h1", {}, data.title),
    html("p", { class: "soft" }, data.line));
}

// What to do about a warning stands below it; "--set space.num_layers.high=6" is there to be typed.
function answerLine(words) {
  if (/^ +(--|orch )/.test(words)) return html("code", {}, words.trim());
  if (words.startsWith(" ")) return html("span", { class: "advice" }, words.trim());
  // Facts side by side are two spaces apart; each stays on one line.
  const items = words.split(/ {2,}/).map((item) => html("span", { class: "item" }, item));
  return html("span", {}, ...(items.length > 1 ? items.flatMap((item) => [item, " "]) : [words]));
}

function answer() {
  const { element } = section("answer", "The answer", "Answer");
  element.append(html("dl", { class: "answer" }, ...data.answer.flatMap((block) => [
    html("dt", {}, block.head),
    html("dd", { class: block.head === "look out" ? "equal" : null }, ...block.lines.map(answerLine))])));
}

function parallel() {
  const words = () => (level() ? `${plural(level().trials, "trial")} compared at epoch ${level().epoch}` +
    `${level().epoch === data.compared.epoch ? ` (${data.compared.reason})` : ""}${level().trials < count ? "; grey: not compared there" : ""}${thinnedWords()}` : "");
  const { element, line } = section("parameters", "Parallel coordinates", "Parameters");
  const { drawn, reading: said } = reading("parallel_coordinates");
  line(drawn ? said : `Not drawn: ${said}.`, drawn ? "reading" : "withheld");
  if (!drawn) return;
  const small = line(words(), "soft");
  on("level", () => {
    small.textContent = words();
  });
  if (data.axes.length < data.parameters) {
    const first = data.importance.effects.length ? "most important" : "first";
    line(`The ${data.axes.length} ${first} of ${data.parameters} parameters, here, in the table and ` +
      "beside trials, to keep this file small; trials.parquet has them all.", "soft");
  }
  line("Drag along an axis, or move its handles with the arrow keys, to keep only trials in that range.", "soft hint");
  const bar = html("div", { class: "bar" });
  main.append(bar);
  drawFilterBar(bar);
  // The bar follows the reader down the page, so it stands beside the sections and not in one.
  const box = html("section", { class: "continued", "aria-label": "Parallel coordinates" });
  main.append(box);
  drawParallel(box);
  box.append(legend());
}

function curvesLine() {
  const { curves } = data;
  const kept = curves.epochs.length < curves.of
    ? `; drawn at ${curves.epochs.length} of ${curves.of} epochs to keep this file small` : "";
  const away = curves.beyond ? `; ${plural(curves.beyond, "curve")} beyond the axis` : "";
  const parts = [curves.groups.length > 1 && "colour: the epoch where a trial ended",
    trials.failed.includes(1) && "dashed with a cross: failed"].filter(Boolean);
  return (parts.join("; ") + away + kept + thinnedWords()).replace(/^; /, "");
}

function importanceLine() {
  const found = data.importance;
  const all = plural(found.trials, "trial");
  const used = found.used && found.used < found.trials ? `${found.used.toLocaleString("en")} of ${all}` : all;
  const explained = found.r2 === null ? "" : `; the forest explains ${found.r2.toFixed(2)} of the variance (out of bag)`;
  const mark = found.pairs?.length ? "; mark on a pair: its share where effects only add up" : "";
  return `${used} compared at epoch ${found.epoch}${explained}${mark}; the bars are of all of ` +
    "them, whatever is brushed";
}

function effects(element) {
  if (!effectLevel) return;
  const title = html("h3", {}, "Effects");
  const said = html("p", { class: "soft" }, `${data.metric.short} by epoch ${effectLevel.epoch} over each parameter` +
    (data.effects.length ? "; line: the forest's mean over all other parameters, band: 95 % of its trees" : "") + "; a dot a trial");
  element.append(title, said);
  if (!drawEffects(element)) {
    title.remove();
    said.remove();
  }
}

function sentence(lines) {
  const words = `${lines.join("; ")}.`;
  return words[0].toUpperCase() + words.slice(1);
}

function cost() {
  const { element, line } = section("cost", "Cost against quality", "Cost");
  const words = line("", "reading");
  if (data.cost.length) line(sentence(data.cost), "reading");
  const small = line("stairs: trials that no other one beats in both; cost is seconds per epoch times epochs; " +
    "scores beyond the fence of outliers lie at the edge", "soft");
  const drawn = drawFront(element);
  if (drawn) frontWords(words, drawn);
  else {
    words.textContent = "Not drawn: fewer than three trials that differ in time or weights can be compared.";
    words.className = "withheld";
    small.remove();
  }
}

function winner() {
  const { element, line } = section("winner", "The winning config", "Config");
  if (!data.winner) {
    line("No trial has a result.", "withheld");
    return;
  }
  line(`Trial ${data.winner.number}, whole, with the values that were not searched.`, "reading");
  element.append(copyBlock(data.winner.yaml, "winning config as YAML"));
}

function made() {
  const { element } = section("made", "How the run was made", "How made");
  element.append(html("dl", { class: "facts" }, ...data.made.facts.flatMap(([name, said]) => [
    html("dt", {}, name), html("dd", {}, said)])));
  if (data.made.spec) element.append(html("h3", {}, "spec.yaml"), copyBlock(data.made.spec, "spec.yaml"));
}

function page() {
  head();
  answer();
  main.before(contents);
  parallel();
  figure("curves", "Learning curves", "Curves", "learning_curves", drawCurves, curvesLine());
  effects(figure("importance", "Importance of parameters (fANOVA)", "Importance", "importance", drawImportance, importanceLine()));
  cost();
  figure("epochs", "Epoch optimum", "Epochs", "epoch_optimum", drawOptimum, optimumWords());
  const { element } = section("trials", "All trials", "Trials");
  drawTable(element);
  winner();
  made();
  startTooltip();
}

page();
addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || state.pinned === null) return;
  state.pinned = null;
  mark(null);
}, { signal });
// Two frames later the first picture is on the screen.
requestAnimationFrame(() => requestAnimationFrame(() => {
  performance.mark("orch-ready");
  document.documentElement.dataset.ready = Math.round(performance.now());
  document.documentElement.dataset.trials = count;
}));

// For a page that is drawn again: what the reader has done to this one.
export function leave() {
  return remember();
}
