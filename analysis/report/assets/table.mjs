// All trials as a table: sorted by its heads, filtered by the brushes, a few rows at a time.
import { count, data, rising, stateOf, trials, winner } from "./data.mjs";
import { html, once, say } from "./dom.mjs";
import { number, plain, plural, time } from "./format.mjs";
import { keep, kept } from "./memory.mjs";
import { level, mark, on, pin, state } from "./state.mjs";
import { sentence } from "./tooltip.mjs";

const FIRST = 50;
const MORE = 200;

// A column: its head, what it is sorted by (null goes last either way) and what is written.
function columnsOf() {
  const now = level();
  const { name } = data.metric;
  const filled = (values) => values.some((value) => value !== null);
  const columns = [
    { head: "trial", key: (row) => trials.number[row], write: (row) => trials.number[row] },
    { head: "state", key: stateOf, write: stateOf, text: true },
    now && { head: `${name} by epoch ${now.epoch}`, score: true, key: (row) => now.scores[row],
      write: (row) => number(now.scores[row], name) },
    { head: `own best ${name}`, key: (row) => trials.best[row], group: true,
      write: (row) => number(trials.best[row], name) },
    { head: "at epoch", key: (row) => trials.best_epoch[row] || null,
      write: (row) => (trials.best_epoch[row] ? `${trials.best_epoch[row]} of ${trials.ended[row]}` : "-") },
    data.second && { head: data.second.name, key: (row) => data.second.values[row], group: true,
      write: (row) => number(data.second.values[row], data.second.name) },
    filled(trials.seconds) && { head: "time", key: (row) => trials.seconds[row], write: (row) => time(trials.seconds[row]) },
    filled(trials.weights) && { head: "weights", key: (row) => trials.weights[row],
      write: (row) => trials.weights[row]?.toLocaleString("en") ?? "-" },
    ...data.axes.map((axis) => ({ head: axis.name, key: (row) => axis.values[row], write: (row) => plain(axis.values[row]),
      text: axis.values.some((value) => typeof value === "string") })),
    filled(trials.error) && { head: "error", key: (row) => trials.error[row], write: (row) => trials.error[row] ?? "", text: true, wide: true },
  ];
  return columns.filter(Boolean);
}

export function drawTable(host) {
  let columns = columnsOf();
  const before = kept("table");
  let room = before?.room ?? FIRST;
  let sort = before?.score ? { ...before.sort, head: columns.find((column) => column.score)?.head } : before?.sort;
  if (!columns.some((column) => column.head === sort?.head)) sort = { head: null, up: true };
  let rows = [];
  const caption = html("caption");
  const head = html("thead");
  const body = html("tbody");
  const table = html("table", { class: columns.length > 15 ? "broad" : null }, caption, head, body);
  const more = html("div", { class: "more" });
  host.append(html("div", { class: "scroll", role: "region", "aria-label": "All trials", tabindex: 0 }, table), more);

  function heads() {
    head.replaceChildren(html("tr", {}, ...columns.map((column) => {
      const button = html("button", { type: "button" }, column.head);
      const now = sort.head === column.head ? (sort.up ? "ascending" : "descending") : "none";
      button.addEventListener("click", () => {
        sort = { head: column.head, up: sort.head === column.head ? !sort.up : true };
        draw();
        head.querySelectorAll("button")[columns.indexOf(column)].focus();
        say(`sorted by ${column.head}, ${sort.up ? "ascending" : "descending"}`);
      });
      return html("th", { scope: "col", "aria-sort": now, class: column.text ? "text" : null }, button);
    })));
  }

  function draw() {
    heads();
    rows = sorted(columns.find((column) => column.head === sort.head), sort.up);
    const shown = rows.slice(0, room);
    body.replaceChildren(...shown.map((row, index) => line(row, columns, index === 0)));
    const of = state.left < count ? `${state.left} of ${plural(count, "trial")}` : plural(count, "trial");
    caption.textContent = `${of}, ${shown.length < rows.length ? `the first ${shown.length} shown; ` : ""}` +
      (level() ? `scores are compared at epoch ${level().epoch}; a trial that did not reach it has only its own best. ` : "") +
      "Trials that ran further come first where they are sorted by their own best. " +
      "Numbers are rounded here; trials.parquet has all their digits.";
    host.dataset.rows = rows.length;
    buttons();
    show();
  }

  function buttons() {
    more.replaceChildren();
    if (room >= rows.length) return;
    for (const [size, words] of [[room + MORE, `Show ${Math.min(MORE, rows.length - room)} more`], [Infinity, `Show all ${rows.length}`]]) {
      const button = html("button", { type: "button" }, words);
      button.addEventListener("click", () => {
        const from = body.children.length;
        room = size;
        draw();
        body.children[from]?.focus();
      });
      more.append(button);
    }
  }

  function show() {
    body.querySelector(".on")?.classList.remove("on");
    const here = state.marked === null ? null : body.querySelector(`[data-row="${state.marked}"]`);
    here?.classList.add("on");
  }

  listen(body);
  on("filter", once(draw));
  on("level", () => {
    const place = columns.findIndex((column) => column.head === sort.head);
    columns = columnsOf();
    sort = { ...sort, head: columns[place]?.head ?? null };
  });
  on("mark", show);
  draw();
  // The column of scores is called by the epoch, which may be another one by then.
  keep("table", () => ({ sort, room, score: columns.find((column) => column.head === sort.head)?.score }));
}

function line(row, columns, first) {
  const cells = columns.map((column, index) => {
    const kind = [column.text && "text", column.wide && "wide"].filter(Boolean).join(" ") || null;
    const words = String(column.write(row));
    return index ? html("td", { class: kind }, words) : html("th", { scope: "row" }, words);
  });
  const state = [trials.failed[row] && "failed", row === winner && "winner"].filter(Boolean).join(" ") || null;
  return html("tr", { "data-row": row, tabindex: first ? 0 : -1, class: state }, ...cells);
}

// Rows that are shown. Bests of different epochs are no one scale: trials that ran further come
// first, and each is sorted among those that ran as far. Without a wish, that is by their bests.
function sorted(column, up) {
  const rows = Array.from({ length: count }, (_, row) => row).filter((row) => state.shown[row]);
  const tie = (a, b) => trials.number[a] - trials.number[b];
  const byEpoch = (a, b) => trials.reached[b] - trials.reached[a];
  const way = up ? 1 : -1;
  const key = column?.key ?? ((row) => (trials.best[row] === null ? null : (rising ? -1 : 1) * trials.best[row]));
  const grouped = column ? column.group : true;
  return rows.sort((a, b) => {
    if (!column && trials.failed[a] !== trials.failed[b]) return trials.failed[a] - trials.failed[b];
    const [x, y] = [key(a), key(b)];
    if (x === null || y === null) return (x === null) - (y === null) || tie(a, b);
    return (grouped ? byEpoch(a, b) : 0) || way * compare(x, y) || tie(a, b);
  });
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a < b ? -1 : Number(a > b);
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

// One row at a time is in the order of tabs; arrow keys go from row to row.
function listen(body) {
  const rowOf = (event) => event.target.closest("tr");
  const number = (line) => Number(line.dataset.row);
  body.addEventListener("pointermove", (event) => {
    if (rowOf(event)) mark(number(rowOf(event)), { x: event.clientX, y: event.clientY });
  });
  body.addEventListener("pointerleave", () => mark(null));
  body.addEventListener("click", (event) => pin(number(rowOf(event)), { x: event.clientX, y: event.clientY }));
  body.addEventListener("focusin", (event) => {
    for (const line of body.querySelectorAll('[tabindex="0"]')) line.tabIndex = -1;
    rowOf(event).tabIndex = 0;
    const line = rowOf(event);
    mark(number(line), () => {
      const box = line.getBoundingClientRect();
      return { x: Math.max(box.left, 0) + 60, y: box.bottom };
    });
    say(`trial ${trials.number[number(rowOf(event))]}: ${sentence(number(rowOf(event)))}`);
  });
  body.addEventListener("focusout", () => mark(null));
  body.addEventListener("keydown", (event) => {
    const next = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    if (next) rowOf(event)[next]?.focus();
    else if (event.key === "Home") body.firstElementChild?.focus();
    else if (event.key === "End") body.lastElementChild?.focus();
    else if (event.key === "Enter") pin(number(rowOf(event)));
    else return;
    event.preventDefault();
  });
}
