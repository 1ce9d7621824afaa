// A block of text with a button that copies it, also where a page may not use the clipboard.
import { html, say } from "./dom.mjs";

export function copyBlock(text, label) {
  const block = html("pre", { tabindex: 0, role: "region", "aria-label": label }, text);
  const button = html("button", { type: "button", class: "copy", "aria-label": `Copy: ${label}` }, "Copy");
  button.addEventListener("click", async () => {
    const done = await copied(text, block);
    button.textContent = done ? "Copied" : "Selected: press Ctrl+C";
    say(button.textContent);
    setTimeout(() => {
      button.textContent = "Copy";
    }, 2500);
  });
  return html("div", { class: "block" }, button, block);
}

async function copied(text, block) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // A file opened from disk has no clipboard in some browsers; a selection can be copied in all.
    const selection = getSelection();
    selection.selectAllChildren(block);
    return document.execCommand("copy");
  }
}
