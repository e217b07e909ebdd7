// Lists that grow: “load more” without duplicates, and rows that are read again.

import { acting, api, fill, h, sentence, t, template } from "../studio.js";

/** Say in place of a list why it is not there. */
export const saysWhy = (place) => (error) => {
  if (error.name !== "AbortError") fill(place, template("not-loaded", { why: sentence(error) }));
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

/**
 * Everything at the path by `row(item, drawing)`, else what the list has now. Resolves to the function that reads it
 * again; `drawing(work)` does so after the work of a button.
 */
export async function rows(list, path, row) {
  const nothing = [...list.children];
  const drawing = (work) => async () => {
    await work();
    await draw();
  };
  const draw = async () => {
    const { items } = await api.get(`${path}?limit=100`);
    const shown = items.map((item) => row(item, drawing)).filter(Boolean);
    fill(list, shown.length ? shown : nothing);
  };
  await draw();
  return draw;
}
