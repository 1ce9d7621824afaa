// What is shown: how many trials, at which epoch they are compared, and the way back to all.
import { count, data } from "./data.mjs";
import { html, say } from "./dom.mjs";
import { plural } from "./format.mjs";
import { brushed, clearBrushes, on, setLevel, state } from "./state.mjs";

export function drawFilterBar(host) {
  const shown = html("output", { id: "shown" });
  const clear = html("button", { type: "button", id: "clear" }, "Clear all");
  clear.addEventListener("click", () => {
    clearBrushes();
    host.querySelector("select")?.focus();
  });
  host.append(...[html("span", { class: "many" }, shown), epochs(), clear].filter(Boolean));
  const write = () => {
    shown.textContent = state.left < count
      ? `${state.left.toLocaleString("en")} of ${plural(count, "trial")}`
      : `all ${plural(count, "trial")}`;
    clear.disabled = !brushed();
    host.classList.toggle("active", Boolean(brushed()));
  };
  // Said when the hand has come to rest, not at every pixel.
  let waiting = null;
  on("filter", () => {
    write();
    clearTimeout(waiting);
    waiting = setTimeout(() => say(`${shown.textContent} shown`), 700);
  });
  write();
}

function epochs() {
  if (data.levels.length < 2) return null;
  const select = html("select", { id: "level" }, ...data.levels.map((level, index) =>
    html("option", { value: index, selected: index === state.level },
      `epoch ${level.epoch} (${plural(level.trials, "trial")})`)));
  select.addEventListener("change", () => setLevel(Number(select.value)));
  return html("label", {}, "compared at ", select);
}
