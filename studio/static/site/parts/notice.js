// Short messages at the edge of the page, which screen readers speak.

import { h } from "../core/dom.js";
import { sentence } from "../core/refusals.js";

const SHOWN_MS = 6000;
const region = document.getElementById("notices");

/** Show a message for some seconds. */
export function notify(text, kind = "good") {
  const node = h("p", { class: `notice ${kind}` }, text);
  region.append(node);
  setTimeout(() => node.remove(), SHOWN_MS);
}

/** Show why something was refused. */
export const complain = (error) => {
  if (error.name !== "AbortError") notify(sentence(error), "bad");
};

/** Run the work of a button, which is off meanwhile; a refusal becomes a message. */
export const acting = (work) => async (event) => {
  const button = event.currentTarget;
  button.disabled = true;
  try {
    await work(event);
  } catch (error) {
    complain(error);
  } finally {
    button.disabled = false;
  }
};
