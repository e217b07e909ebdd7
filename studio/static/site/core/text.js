// Texts in the page's language, by Django's catalogue (`site/texts/….js`); dates and numbers by the browser's.

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
const AGO = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: "auto" });

/** Whether there is such a moment, and it is over. */
export const isPast = (iso) => Boolean(iso) && new Date(iso) < new Date();

/** An element with a moment: “5 minutes ago” within a day, else the date; null if there is none. */
export function moment(iso) {
  if (!iso) return null;
  const node = document.createElement("time");
  const seconds = (new Date(iso) - Date.now()) / 1000;
  const hours = Math.abs(seconds) / 3600;
  node.dateTime = iso;
  node.title = MOMENT.format(new Date(iso));
  if (hours >= 24) node.textContent = node.title;
  else if (hours >= 1) node.textContent = AGO.format(Math.trunc(seconds / 3600), "hour");
  else if (hours < 1 / 60) node.textContent = t("just now");
  else node.textContent = AGO.format(Math.trunc(seconds / 60), "minute");
  return node;
}
