// Changes of the caller's jobs as they happen: by server-sent events, or by polling until there are some.
//
// A ticket opens the stream, once. After a break the last number continues it: nothing is missed.

import * as api from "./api.js";
import { complain } from "./notice.js";
import { isSignedIn, onChange } from "./session.js";

const [FIRST_PAUSE_MS, LAST_PAUSE_MS] = [5_000, 60_000]; // between two attempts to open the stream, while polling
const listeners = new Set();
const unfinished = new Map(); // job id → {etag, timer}
let source = null;
let lastNumber = "";
let retry = null;
let pause = FIRST_PAUSE_MS;

export const isFinished = (job) => job.status === "SUCCEEDED" || job.status === "FAILED";

/** Call the function with {kind: "created" | "updated" | "deleted" | "reset", job}, until the signal aborts. */
export function onJob(listener, signal) {
  listeners.add(listener);
  signal.addEventListener("abort", () => listeners.delete(listener));
  open();
}

/** These jobs are shown: without a stream, the unfinished ones are polled. */
export function follow(jobs) {
  for (const job of jobs) {
    if (isFinished(job)) drop(job.id);
    else if (!unfinished.has(job.id)) unfinished.set(job.id, {});
  }
  poll();
}

/** Pass on a change that this page has made itself. */
export function tell(kind, job) {
  if (kind === "deleted") drop(job.id);
  else if (job) follow([job]);
  listeners.forEach((listener) => listener({ kind, job })?.catch?.(complain));
}

async function open() {
  if (source || retry || !isSignedIn()) return;
  retry = setTimeout(reopen, pause);
  pause = Math.min(2 * pause, LAST_PAUSE_MS);
  poll();
  try {
    const { url } = await api.post("/video-jobs/events/ticket");
    const stream = new URL(url, location);
    if (lastNumber) stream.searchParams.set("after", lastNumber);
    if (!source) connect(stream);
  } catch {
    // `retry` tries again
  }
}

// No stream has opened meanwhile: it may hang.
function reopen() {
  retry = null;
  close();
  if (listeners.size) open();
  if (navigator.onLine) tell("reset"); // new jobs are not polled
}

function connect(url) {
  source = new EventSource(url);
  source.onopen = () => {
    clearTimeout(retry);
    retry = null;
    pause = FIRST_PAUSE_MS;
    if (!lastNumber) tell("reset"); // what happened between the page's list and the stream
  };
  source.onerror = () => {
    close(); // the ticket is used up: the browser's own retry would be refused
    open();
  };
  for (const name of ["job.created", "job.updated", "job.deleted", "reset"])
    source.addEventListener(name, (event) => {
      lastNumber = event.lastEventId || lastNumber;
      tell(name.replace("job.", ""), name === "reset" ? null : JSON.parse(event.data));
    });
}

function close() {
  source?.close();
  source = null;
}

function drop(id) {
  clearTimeout(unfinished.get(id)?.timer);
  unfinished.delete(id);
}

function poll() {
  for (const [id, state] of unfinished) state.timer ??= setTimeout(ask, 1000, id, state);
}

async function ask(id, state) {
  if (source?.readyState === EventSource.OPEN || unfinished.get(id) !== state) return (state.timer = null);
  let seconds = 5;
  try {
    const response = await api.request("GET", `/video-jobs/${id}`, {
      headers: state.etag ? { "If-None-Match": state.etag } : {},
    });
    seconds = Number(response.headers.get("Retry-After")) || seconds;
    state.etag = response.headers.get("ETag");
    if (response.status === 200) tell("updated", await response.json());
  } catch (error) {
    if (error.status === 404) return tell("deleted", { id });
    seconds = Math.max(seconds, error.retryAfter ?? 0);
  }
  if (unfinished.get(id) === state) state.timer = setTimeout(ask, seconds * 1000, id, state);
}

onChange((isIn) => {
  if (isIn) return open();
  close();
  lastNumber = "";
  [...unfinished.keys()].forEach(drop);
});
