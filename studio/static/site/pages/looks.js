// Looks, as a grid of pictures.

import {
  api, fill, fillWithDemo, h, markTab, n, pages, saysWhy, t, template, thumbnail, url,
} from "../studio.js";

const PAGE = 24;
const DEMO_LOOKS = 6;
const PAUSE_MS = 300; // after the last key, before a search begins

export default async function looks({ query, signal }) {
  const view = query.get("view") ?? "mine";
  const node = template("looks");
  const { search, count, place, pager } = node.parts;
  const grid = h("ul.grid");
  let skip = 0;
  let timer = null;
  let isFilled = false; // with the demo data: each look has a video

  async function load(isAnew) {
    const asked = search.value.trim();
    const from = isAnew ? 0 : skip;
    const filter = new URLSearchParams({ view, limit: PAGE, skip: from, search: asked });
    const { items, total } = await api.get(`/looks?${filter}`, { signal });
    if (asked !== search.value.trim()) return false;
    skip = from + items.length;
    isFilled = total >= DEMO_LOOKS && items.every((look) => look.videos.length);
    if (isAnew) fill(grid);
    const known = new Set([...grid.children].map(({ dataset }) => dataset.id)); // new looks shift the pages
    grid.append(...items.filter(({ id }) => !known.has(id)).map(card));
    fill(place, grid.childElementCount ? grid : nothing(view, asked, demo));
    count.textContent = n("{count} look", "{count} looks", total);
    return skip < total;
  }

  const again = pages(pager, load);
  const demo = fillWithDemo(() => isFilled || again(), signal);
  const find = () => {
    const address = new URLSearchParams({ view, search: search.value.trim() });
    history.replaceState(null, "", url(`/looks?${address}`));
    again().catch(saysWhy(place));
  };
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, PAUSE_MS);
  });

  markTab(node, view);
  search.value = query.get("search") ?? "";
  again().catch(saysWhy(place));
  return node;
}

const card = ({ id, title, thumbnailUrl, videos }) =>
  template("look-card", {
    self: { "data-id": id },
    link: { href: url(`/looks/${id}`) },
    picture: thumbnail(thumbnailUrl, "looks"),
    title,
    videos: n("{count} video", "{count} videos", videos.length),
  });

function nothing(view, search, demo) {
  const text = t("No look has “{search}” in its title, notes or products.", { search });
  if (search) return template("no-looks-found", { text });
  return view === "mine" ? template("no-looks", { demo }) : template(`no-${view}-looks`);
}
