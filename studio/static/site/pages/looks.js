// Looks, as a grid of pictures.

import {
  fill, fillWithDemo, h, markTab, n, pagesBySkip, saysWhy, t, template, thumbnail, url,
} from "../studio.js";

const PAGE = 24;
const DEMO_LOOKS = 6;
const PAUSE_MS = 300; // after the last key, before a search begins

export default async function looks({ query, signal }) {
  const view = query.get("view") ?? "mine";
  const node = template("looks");
  const { search, count, place, pager } = node.parts;
  const grid = h("ul.grid");
  let timer = null;
  let isFilled = false; // with the demo data: each look has a video
  const asked = () => new URLSearchParams({ view, search: search.value.trim() });

  function add(items, isAnew, total) {
    isFilled = total >= DEMO_LOOKS && items.every((look) => look.videos.length);
    if (isAnew) fill(grid);
    grid.append(...items.map(card));
    fill(place, grid.childElementCount ? grid : nothing(view, search.value.trim(), demo));
    count.textContent = n("{count} look", "{count} looks", total);
  }

  const again = pagesBySkip(pager, () => `/looks?${asked()}`, PAGE, add, signal);
  const demo = fillWithDemo(() => isFilled || again(), signal);
  const show = () => again().catch(saysWhy(place, pager, count));
  const find = () => {
    history.replaceState(null, "", url(`/looks?${asked()}`));
    show();
  };
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, PAUSE_MS);
  });

  markTab(node, view);
  search.value = query.get("search") ?? "";
  show();
  return node;
}

const card = ({ id, title, thumbnailUrl, videos }) =>
  template("look-card", {
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
