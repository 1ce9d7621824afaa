// The line at the top: where one is, what the run does, when the page changed last.
import { byId, html, say } from "../dom.mjs";

export const clock = (date) => date.toLocaleTimeString("en-GB");

export function statusLine(links, follower) {
  const state = html("span", { class: "state" });
  const facts = html("span", { class: "numbers" });
  const when = html("span", { class: "when" });
  const button = html("button", { type: "button", "aria-pressed": "false" }, "Pause updates");
  const nav = html("nav", { "aria-label": "Pages" }, ...links.map(([href, words]) => html("a", { href }, words)));
  if (links.length) byId("status").append(nav);
  byId("status").append(html("p", { class: "line" }, state, facts, when, button));
  let known = null;
  let held = false;
  let since = null;
  let missing = false;

  button.addEventListener("click", () => {
    held = !held;
    button.setAttribute("aria-pressed", held);
    button.textContent = held ? "Go on with updates" : "Pause updates";
    follower().hold(held);
  });

  return {
    // Said aloud only where the state of the run changes: numbers change all the time.
    show(now, words, note = "") {
      state.textContent = now;
      state.className = `state ${now}`;
      state.title = note;
      facts.textContent = words;
      if (known !== null && known !== now) say(`The run is ${now} now. ${words}`);
      known = now;
    },
    changed() {
      when.textContent = `updated ${clock(new Date())}`;
    },
    lost(words) {
      since ??= new Date();
      byId("lost").textContent = `${words}${/[.?]$/.test(words) ? "" : ","} since ${clock(since)}. What is shown may be old.`;
      byId("lost").hidden = false;
      if (!missing) say(byId("lost").textContent);
      missing = true;
    },
    found() {
      since = null;
      if (missing) say("Connected again");
      missing = false;
      byId("lost").hidden = true;
    },
  };
}
