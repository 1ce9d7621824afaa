// What a reader is about: where the page stands, what has the focus, and whether it may change now.
import { byId } from "../dom.mjs";

const FOCUSABLE = "a[href], button, select, input, [tabindex]";
const MOMENT = { scroll: 300, key: 1000, point: 2000, choose: 10000, select: 30000 }; // milliseconds
const last = { scroll: -Infinity, key: -Infinity, point: -Infinity, choose: -Infinity, select: -Infinity };
let pressed = false;

export function watchReader() {
  const options = { capture: true, passive: true };
  const now = (kind) => () => {
    last[kind] = performance.now();
  };
  const press = (is) => () => {
    pressed = is;
    last.choose = performance.now();
  };
  addEventListener("pointerdown", press(true), options);
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, press(false), options);
  addEventListener("blur", (event) => {
    if (event.target === window) pressed = false; // it is let go elsewhere
  }, options);
  addEventListener("pointermove", now("point"), options);
  addEventListener("scroll", now("scroll"), options);
  addEventListener("keydown", (event) => {
    last.key = performance.now();
    if (event.target.tagName === "SELECT") last.choose = last.key;
  }, options);
  document.addEventListener("selectionchange", now("select"), options);
}

// Drawing anew would take a brush out of the hand, close a list, or lose what is marked to copy.
export function isBusy() {
  const since = (kind) => performance.now() - last[kind] < MOMENT[kind];
  const marked = getSelection();
  return pressed || since("key") || since("scroll")
    || (since("point") && !byId("tooltip").hidden)
    || (since("choose") && document.activeElement?.tagName === "SELECT")
    || (since("select") && !marked.isCollapsed && byId("main").contains(marked.anchorNode))
    || document.documentElement.classList.contains("paper");
}

// Parts of the page are known by their ids, or by what they are called.
function parts() {
  return [...document.querySelectorAll("#status, body > nav, main > *")];
}

const nameOf = (part) => part.id || part.getAttribute("aria-label") || part.classList[0];
const scrolled = () => [...document.querySelectorAll("main .scroll, main pre")];

function focusables(part, kind) {
  return [...part.querySelectorAll(FOCUSABLE)].filter((element) => kindOf(element) === kind);
}

function kindOf(element) {
  return `${element.tagName} ${element.getAttribute("role")}`;
}

// A row of trials is the same row wherever it is sorted to.
function labelOf(element) {
  if (element.tagName === "TR") return element.querySelector("th").textContent;
  return element.getAttribute("aria-label") ?? element.textContent;
}

export function remembered() {
  const top = parts().filter((part) => part.getBoundingClientRect().top < 120).at(-1);
  const focus = document.activeElement;
  const home = parts().find((part) => part.contains(focus));
  return {
    scroll: top && { name: nameOf(top), top: top.getBoundingClientRect().top },
    inner: scrolled().map((box) => [box.scrollLeft, box.scrollTop]),
    focus: home && focus !== home && {
      name: nameOf(home), kind: kindOf(focus), label: labelOf(focus),
      index: focusables(home, kindOf(focus)).indexOf(focus),
    },
  };
}

export function putBack({ scroll, inner, focus }) {
  const find = (name) => parts().find((part) => nameOf(part) === name);
  scrolled().forEach((box, place) => {
    if (inner[place]) [box.scrollLeft, box.scrollTop] = inner[place];
  });
  const part = focus && find(focus.name);
  if (part) {
    const alike = focusables(part, focus.kind);
    const element = alike.find((one) => labelOf(one) === focus.label) ?? alike[focus.index];
    element?.focus({ preventScroll: true });
  }
  const top = scroll && find(scroll.name)?.getBoundingClientRect().top;
  if (top !== undefined && Math.abs(top - scroll.top) >= 1) {
    scrollBy({ top: top - scroll.top, behavior: "instant" });
  }
}
