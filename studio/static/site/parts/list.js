// Lists that grow: “load more” without duplicates, and rows that are read again.

import { acting, again, api, fill, h, sentence, t, template } from "../studio.js";

/** Say in place of a list why it is not there, and empty its `others`. The button there shows the page anew. */
export const saysWhy = (place, ...others) => (error) => {
  if (error.name === "AbortError") return;
  fill(place, template("not-loaded", { why: sentence(error), again }));
  others.forEach((other) => fill(other));
};

/**
 * A list by pages. `load(isAnew)` adds the next page, or puts the first one in place of all; it resolves to whether
 * there are more. The button for them is in `node`. Returns the function that loads the first page.
 */
export function pages(node, load) {
  const next = async (isAnew) => {
    const isMore = await load(isAnew);
    fill(node, isMore ? button : null);
  };
  const button = h("button.button.quiet", { onclick: acting(() => next(false)) }, t("Load more"));
  return () => next(true);
}

/** As `pages`, for the list at `path()`, which has a query: `add(items, isAnew, total)` gets the items that are new. */
export function pagesBySkip(node, path, limit, add, signal) {
  const known = new Set(); // others may shift the pages
  let skip = 0;
  return pages(node, async (isAnew) => {
    if (isAnew) known.clear();
    const [asked, from] = [path(), isAnew ? 0 : skip];
    const { items, total } = await api.get(`${asked}&limit=${limit}&skip=${from}`, { signal });
    if (asked !== path()) return false;
    skip = from + items.length;
    add(items.filter(({ id }) => !known.has(id) && known.add(id)), isAnew, total);
    return skip < total;
  });
}

/**
 * Everything at the path by `row(item, drawing)`, else what the list has now. Resolves to the function that reads it
 * again; `drawing(work)` does so after the work of a button.
 */
export async function rows(list, path, row) {
  const nothing = [...list.children];
  const drawing = (work) => () => work().then(draw);
  const draw = async () => {
    const { items } = await api.get(`${path}?limit=100`);
    const shown = items.map((item) => row(item, drawing)).filter(Boolean);
    fill(list, shown.length ? shown : nothing);
  };
  await draw();
  return draw;
}
