// Short messages at the edge of the page, which screen readers speak.

import { h, set } from "./dom.js";
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

/** Run the work of a button: off meanwhile, it keeps the focus. Says `data-done` then, or why it was refused. */
export const acting = (work) => async (event) => {
  const button = event.currentTarget;
  if (button.ariaDisabled) return;
  button.ariaDisabled = true;
  try {
    await work(event);
    if (button.dataset.done) notify(button.dataset.done);
  } catch (error) {
    complain(error);
  } finally {
    button.ariaDisabled = null;
    if ([document.body, button].includes(document.activeElement)) refocus(button);
  }
};

/** Focus the control, or the heading above it once it is gone or hidden. */
export function refocus(control) {
  const heading = [...document.querySelectorAll("h1, dialog[open] h2")].at(-1);
  (control?.getClientRects().length ? control : set(heading, { tabindex: -1 })).focus({ preventScroll: true });
}

/** Replace the node, or remove it; the focus in it stays on the same control. */
export function swap(before, ...after) {
  const { activeElement: focused } = document;
  const isSame = ({ dataset }) => dataset.part === focused.dataset.part;
  const same = (node) => [...node.querySelectorAll(focused.localName)].filter(isSame);
  const [hadFocus, at] = [before.contains(focused), same(before).indexOf(focused)];
  before.replaceWith(...after);
  if (hadFocus) refocus(after.flatMap(same)[at]);
}

/** Copy the text, where the browser permits it: over HTTPS. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    notify(t("Copied."));
  } catch {
    notify(t("Copy it from the field: the browser does not permit more."));
  }
}
