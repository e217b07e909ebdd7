// Short messages at the edge of the page, which screen readers speak.

import { h } from "./dom.js";
import { sentence } from "./refusals.js";
import { t } from "./text.js";

const SHOWN_MS = 6000;
const region = document.getElementById("notices");

/** Show a message for some seconds. An open dialog makes the rest of the page inert, so it goes inside. */
export function notify(text, kind = "good") {
  const node = h(`p.notice.${kind}`, text);
  ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append(region);
  region.replaceChildren(node);
  setTimeout(() => node.remove(), SHOWN_MS);
}

export const complain = (error) => {
  if (error.name !== "AbortError") notify(sentence(error), "bad");
};

/** Run the work of a button, which is off meanwhile. It says `data-done` after that, or why it was refused. */
export const acting = (work) => async (event) => {
  const button = event.currentTarget;
  button.disabled = true;
  try {
    await work(event);
    if (button.dataset.done) notify(button.dataset.done);
  } catch (error) {
    complain(error);
  } finally {
    button.disabled = false;
  }
};

/** Copy the text, where the browser permits it: over HTTPS. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    notify(t("Copied."));
  } catch {
    notify(t("Copy it from the field: the browser does not permit more."));
  }
}
