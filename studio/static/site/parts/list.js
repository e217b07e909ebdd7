// A list that grows: skeletons, empty states, “load more” without duplicates.

import { api, fill, h, t } from "../core.js";
import { acting } from "./notice.js";

/** Grey shapes in place of what is being loaded. */
export const skeleton = (count, kind) =>
  h("div", { class: kind, "aria-hidden": "true" }, Array.from({ length: count }, () => h("div.skeleton")));

/** What to show in place of an empty list. */
export const empty = (title, text, ...actions) =>
  h("section.empty", h("h2", title), h("p", text), h("p.row", actions));

/** A button that loads the next page: `load()` adds it, and returns whether there are more. */
export function more(load) {
  const node = h("p.more");
  const button = h("button.button.quiet", t("Load more"));
  button.addEventListener("click", acting(async () => node.show(await load())));
  node.show = (isMore) => fill(node, isMore ? button : null);
  return node;
}

/** Everything at the path, a row each: `row(item, draw)` has its parts; `draw()` reads the list again. */
export async function rows(path, row, nothing) {
  const node = h("ul.rows");
  const draw = async () => {
    const { items } = await api.get(`${path}?limit=100`);
    const shown = items.map((item) => row(item, draw)).filter(Boolean);
    fill(node, shown.length ? shown.map((parts) => h("li", parts)) : h("li.soft", nothing));
  };
  await draw();
  node.draw = draw;
  return node;
}
