// What a refusal means to a person. The API's sentences are translated as they are; some say more here.

import { n, number, t } from "./text.js";

const TEXTS = {
  offline: () => t("The server cannot be reached. Check your connection, and try again."),
  throttled: (error) => t("Too many requests. {wait}", { wait: wait(error) }),
  too_busy: (error) => t("The server is busy. {wait}", { wait: wait(error) }),
  locked_out: (error) => t("Too many wrong passwords. {wait}", { wait: wait(error) }),
  insufficient_tokens: ({ body }) =>
    t("This video costs {price} tokens, and you have {balance}.", {
      price: number(body.price),
      balance: number(body.balance),
    }),
  too_many_jobs: () => t("Three videos are being made already. Wait for one, or cancel one."),
  no_provider: () => t("No provider is set up for this model. Choose a test video, or another model."),
};

function wait({ retryAfter }) {
  if (!retryAfter) return t("Try again later.");
  if (retryAfter < 90) return n("Try again in {count} second.", "Try again in {count} seconds.", retryAfter);
  const minutes = Math.ceil(retryAfter / 60);
  return n("Try again in {count} minute.", "Try again in {count} minutes.", minutes);
}

/** A sentence for the person. */
export const sentence = (error) => TEXTS[error.code]?.(error) ?? sentences(error.message);

/** Texts of the server in this language, sentence by sentence: what is not translated stays English. */
export const sentences = (text) => text.split(/(?<=\.) /).map(translated).join(" ");

/** Numbers are # in the catalogue. */
function translated(text) {
  const numbers = text.match(/\d+/g) ?? [];
  return window.gettext(text.replace(/\d+/g, "#")).replace(/#/g, () => numbers.shift());
}
