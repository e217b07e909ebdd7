// What a refusal means to a person. The API's sentences are translated as they are; some say more here.

import { put, relative, t } from "./text.js";

const texts = document.getElementById("refusals").content;

const wait = ({ retryAfter }) =>
  retryAfter ? t("Try again {when}.", { when: relative(retryAfter) }) : t("Try again later.");

/** The text of this code, with the values filled in; undefined if there is none. */
export function textOf(code, values) {
  const text = texts.querySelector(`[data-code~="${code}"]`)?.textContent;
  return text && put(text, values);
}

export const sentence = (error) =>
  textOf(error.code ?? error.name, { ...error, wait: wait(error) }) ?? sentences(error.message);

/** Texts of the server in this language; what is not translated stays English. */
export const sentences = (text) => text.split(/(?<=\.) /).map(translated).join(" ");

/** Numbers are # in the catalogue. */
function translated(text) {
  const numbers = text.match(/\d+/g) ?? [];
  return window.gettext(text.replace(/\d+/g, "#")).replace(/#/g, () => numbers.shift());
}
