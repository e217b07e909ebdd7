// Texts in the page's language, by Django's catalogue (`site/texts/….js`); dates and numbers by the browser's.

import { h } from "./dom.js";
import { LANGUAGE } from "./page.js";

/** The text with its `{names}` filled in. */
export const put = (text, values = {}) => text.replace(/\{(\w+)\}/g, (all, name) => shown(values[name]) ?? all);

/** The text in this language. */
export const t = (text, values) => put(window.gettext(text), values);

/** As `t`, for a number: it is `{count}` in both texts. */
export const n = (one, many, count, values) => put(window.ngettext(one, many, count), { count, ...values });

export const number = (value) => value.toLocaleString(LANGUAGE);

const shown = (value) => (typeof value === "number" ? number(value) : value);

export const tokens = ({ unlimited, balance }) =>
  unlimited ? t("Unlimited") : n("{count} token", "{count} tokens", balance);

const MOMENT = new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium", timeStyle: "short" });
const RELATIVE = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: "auto" });

/** Whether there is such a moment, and it is over. */
export const isPast = (iso) => Boolean(iso) && new Date(iso) < new Date();

/** “in 5 minutes”, “2 hours ago”. */
export function relative(seconds) {
  const far = Math.abs(seconds);
  const [size, unit] = far < 90 ? [1, "second"] : far < 5400 ? [60, "minute"] : [3600, "hour"];
  return RELATIVE.format(Math.round(seconds / size), unit);
}

/** An element with a moment: “now”, “5 minutes ago” within a day, or the date; null if there is none. */
export function moment(iso) {
  if (!iso) return null;
  const seconds = (new Date(iso) - Date.now()) / 1000;
  const far = Math.abs(seconds);
  const title = MOMENT.format(new Date(iso));
  return h("time", { datetime: iso, title }, far < 86_400 ? relative(far < 90 ? 0 : seconds) : title);
}
