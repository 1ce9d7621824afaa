// Asking for news again and again: soon while somebody looks, rarely in a tab behind others.
const SOON = 2000; // milliseconds
const AT_ONCE = 150;
const OVER = 10000; // where no process writes anything
const BEHIND = 30000;
const LONGEST = 15000; // between two attempts at a lost connection
const PATIENCE = 90000;

const GONE = {
  401: "The token of this page is no longer good. Open the URL that orch dashboard printed.",
  404: "This run is no longer shown here.",
};

// news(data) takes what is new and returns whether more of it may come soon; lost(words) and
// found() tell of the connection.
export function follow(address, { news, lost, found }) {
  let tag = null;
  let failures = 0;
  let timer = null;
  let asking = false;
  let held = false;
  let wait = SOON;

  function next() {
    clearTimeout(timer);
    if (held || asking) return;
    const again = failures ? Math.min(LONGEST, SOON * 2 ** (failures - 1)) : wait;
    timer = setTimeout(ask, document.hidden ? Math.max(BEHIND, again) : again);
  }

  function missed(words) {
    failures += 1;
    lost(words);
  }

  async function ask() {
    clearTimeout(timer);
    if (asking || held) return;
    asking = true;
    try {
      const answer = await fetch(address, { cache: "no-store", credentials: "same-origin",
        headers: tag ? { "If-None-Match": tag } : {}, signal: AbortSignal.timeout(PATIENCE) });
      if (answer.status === 200) {
        const data = await answer.json();
        failures = 0;
        found();
        wait = pace(news(data), data);
        tag = answer.headers.get("ETag"); // drawn without an error
      } else if (answer.status === 304) {
        failures = 0;
        found();
      } else missed(GONE[answer.status] ?? (await problem(answer)));
    } catch (error) {
      missed(error instanceof TypeError || error.name === "TimeoutError"
        ? "No connection to orch dashboard" : `This page has a bug: ${error.message}`);
    }
    asking = false;
    next();
  }

  function pace(live, data) {
    if (data.more) return AT_ONCE;
    return live ? SOON : OVER;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? next() : ask()));
  addEventListener("online", ask);
  ask();
  return {
    hold(stop) {
      held = stop;
      if (held) clearTimeout(timer);
      else ask();
    },
  };
}

async function problem(answer) {
  try {
    return (await answer.json()).problem;
  } catch {
    return `orch dashboard answered with an error (${answer.status})`;
  }
}
