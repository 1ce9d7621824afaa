// What a reader has done to the page, for one that is drawn again with newer data. A file is
// drawn once: nothing was kept for it, and it never ends.
const parts = new Map();

// Its listeners on the document and the window end with it.
export const signal = given.signal;

export function kept(name) {
  return given.kept?.[name] ?? null;
}

export function keep(name, get) {
  parts.set(name, get);
}

export function remember() {
  return Object.fromEntries([...parts].map(([name, get]) => [name, get()]));
}
