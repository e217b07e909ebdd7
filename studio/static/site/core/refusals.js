// What a refusal means to a person. The API's sentences are translated as they are; some say more here.

import { n, put, t } from "./text.js";

const texts = document.getElementById("refusals").content;

function wait({ retryAfter }) {
  if (!retryAfter) return t("Try again later.");
  if (retryAfter < 90) return n("Try again in {count} second.", "Try again in {count} seconds.", retryAfter);
  const minutes = Math.ceil(retryAfter / 60);
  return n("Try again in {count} minute.", "Try again in {count} minutes.", minutes);
}

export function sentence(error) {
  const text = texts.querySelector(`[data-code="${error.code}"]`)?.textContent;
  return text ? put(text, { ...error, wait: wait(error) }) : sentences(error.message);
}

/** Texts of the server in this language; what is not translated stays English. */
export const sentences = (text) => text.split(/(?<=\.) /).map(translated).join(" ");

/** Numbers are # in the catalogue. */
function translated(text) {
  const numbers = text.match(/\d+/g) ?? [];
  return window.gettext(text.replace(/\d+/g, "#")).replace(/#/g, () => numbers.shift());
}
