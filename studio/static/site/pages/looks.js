// Looks, as a grid of pictures.

import { api, fill, h, icon, link, n, t, url } from "../core.js";
import { demoButton, empty, more, skeleton } from "../parts.js";

const PAGE = 24;
const DEMO_LOOKS = 6;
const PAUSE_MS = 300; // after the last key, before a search begins
const VIEWS = [
  ["mine", () => t("Mine")],
  ["shared", () => t("Shared with me")],
  ["public", () => t("Public")],
];

export default async function looks({ query, signal }) {
  const view = query.get("view") ?? "mine";
  let search = query.get("search") ?? "";
  let skip = 0;
  let timer = null;
  let isFilled = false; // with the demo data: each look has a video
  const grid = h("ul.grid");
  const place = h("div", skeleton(8, "grid"));
  const pager = more(() => load());
  const count = h("p.unseen", { role: "status" });

  async function load({ anew = false } = {}) {
    const asked = search;
    const from = anew ? 0 : skip;
    const filter = `view=${view}&limit=${PAGE}&skip=${from}&search=${encodeURIComponent(search)}`;
    const { items, total } = await api.get(`/looks?${filter}`, { signal });
    if (asked !== search) return false;
    skip = from + items.length;
    isFilled = total >= DEMO_LOOKS && items.every((look) => look.videos.length);
    if (anew) fill(grid);
    const known = new Set([...grid.children].map((node) => node.dataset.id)); // new looks shift the pages
    grid.append(...items.filter(({ id }) => !known.has(id)).map(card));
    fill(place, grid.childElementCount ? grid : await nothing(view, search, demo, signal));
    count.textContent = n("{count} look", "{count} looks", total);
    return skip < total;
  }

  const again = async () => pager.show(await load({ anew: true }));
  const demo = () => isFilled || again();

  const typed = ({ target }) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      search = target.value.trim();
      history.replaceState(null, "", url(`/looks?view=${view}${search && `&search=${encodeURIComponent(search)}`}`));
      again().catch(failed);
    }, PAUSE_MS);
  };

  const failed = (error) => {
    if (error.name !== "AbortError") fill(place, empty(t("The looks cannot be loaded"), error.message));
  };

  load().then((isMore) => pager.show(isMore)).catch(failed);
  return {
    title: t("Looks"),
    node: [
      h("header.head",
        h("h1", t("Looks")),
        h("nav.tabs", { "aria-label": t("Which looks") },
          VIEWS.map(([value, name]) => h("a", { href: url(`/looks?view=${value}`), "aria-current": value === view ? "page" : null }, name())),
        ),
        h("label.search",
          icon("search"),
          h("span.unseen", t("Search")),
          h("input", { type: "search", value: search, placeholder: t("Title, notes, product"), maxlength: 200, oninput: typed }),
        ),
        link("/looks/new", t("Add a look"), "button"),
      ),
      count,
      place,
      pager,
    ],
  };
}

const card = (look) =>
  h(
    "li",
    { "data-id": look.id },
    h("a.card", { href: url(`/looks/${look.id}`) },
      look.thumbnailUrl ? h("img", { src: look.thumbnailUrl, alt: "", loading: "lazy", decoding: "async" }) : h("span.blank", icon("looks")),
      h("span.name", look.title),
      h("span.soft", n("{count} video", "{count} videos", look.videos.length)),
    ),
  );

async function nothing(view, search, show, signal) {
  if (search) return empty(t("Nothing found"), t("No look has “{search}” in its title, notes or products.", { search }));
  if (view === "shared") return empty(t("Nothing is shared with you"), t("Looks that others share with your address appear here."));
  if (view === "public") return empty(t("No public looks"), t("A look is public once its owner says so."));
  return empty(
    t("No looks yet"),
    t("A look is one picture of an outfit. Upload the first one, and let it move."),
    link("/looks/new", t("Add a look"), "button"),
    await demoButton(show, signal),
  );
}
