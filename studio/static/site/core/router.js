// One document, many pages: follows links without loading, and tells assistive technology where it is.

import { fill } from "./dom.js";
import { refocus } from "./notice.js";
import { pathOf, url } from "./page.js";
import { sentence } from "./refusals.js";
import { isSignedIn } from "./session.js";
import { template } from "./template.js";

const main = document.getElementById("main");
let routes = [];
let leave = new AbortController();
let shown = location.href;

/** Show the page of the address, and of every later one. A route is [paths, module, "user" | "guest" | "all"]. */
export function start(all) {
  routes = all.map(([paths, ...route]) => [new RegExp(`^(?:${paths})$`), ...route]);
  addEventListener("popstate", () => (location.href.split("#")[0] === shown.split("#")[0] ? null : show()));
  document.addEventListener("click", follow);
  return show({ isFirst: true });
}

export const again = () => show();

/** The path if it is of this site. */
export const inside = (path) => (/^\/(?!\/)/.test(path) ? path : "/looks");

export function go(path, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", url(path));
  return show();
}

function follow(event) {
  const link = event.target.closest("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  if (link.target || link.download || link.hash || link.origin !== location.origin || !matching(pathOf(link))) return;
  event.preventDefault();
  go(pathOf(link) + link.search);
}

const matching = (path) => routes.find(([pattern]) => pattern.test(path));

async function show({ isFirst = false } = {}) {
  const path = pathOf(location);
  const route = matching(path);
  if (!route) return location.reload();
  const [pattern, module, who] = route;
  const [query, isIn] = [new URLSearchParams(location.search), isSignedIn()];
  document.documentElement.classList.toggle("signed-in", isIn);
  if (who === "user" && !isIn) return go(`/sign-in?next=${encodeURIComponent(path + location.search)}`, { replace: true });
  if (who === "guest" && isIn) return go(inside(query.get("next")), { replace: true });
  leave.abort();
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  leave = new AbortController();
  const { signal } = leave;
  shown = location.href;
  const [, ...parameters] = pattern.exec(path);
  try {
    const { default: page } = await import(`../pages/${module}.js`);
    const node = await page({ main, parameters, query, signal });
    if (!signal.aborted) present(node, isFirst);
  } catch (error) {
    if (!signal.aborted) present(failure(error), isFirst);
  }
  return null;
}

/** Show the page, whose heading becomes the title; without a node it has changed what the server rendered. */
function present(node, isFirst) {
  if (node) fill(main, node);
  const heading = main.querySelector("h1");
  document.title = node ? `${heading.textContent} · AI Studio` : "AI Studio";
  for (const link of document.querySelectorAll("[data-nav]"))
    link.ariaCurrent = pathOf(location).startsWith(pathOf(link)) ? "page" : null;
  if (isFirst || !heading) return;
  scrollTo(0, 0);
  refocus();
}

function failure(error) {
  console.warn(error);
  const reload = () => location.reload();
  if (error.status === 404) return template("not-found", { reload });
  return template("not-shown", { why: sentence(error), reload });
}
