// A list that grows: skeletons, empty states, “load more” without duplicates.

import { fill, h } from "../core/dom.js";
import { t } from "../core/text.js";
import { acting } from "./notice.js";

/** Grey shapes in place of what is being loaded. */
export const skeleton = (count, kind) =>
  h("div", { class: kind, "aria-hidden": "true" }, Array.from({ length: count }, () => h("div", { class: "skeleton" })));

/** What to show in place of an empty list. */
export const empty = (title, text, ...actions) =>
  h("section", { class: "empty" }, h("h2", {}, title), h("p", {}, text), h("p", { class: "row" }, actions));

/** A button that loads the next page: `load()` adds it, and returns whether there are more. */
export function more(load) {
  const node = h("p", { class: "more" });
  const button = h("button", { class: "button quiet", type: "button" }, t("Load more"));
  button.addEventListener("click", acting(async () => node.show(await load())));
  node.show = (isMore) => fill(node, isMore ? button : null);
  return node;
}
