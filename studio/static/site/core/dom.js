// Makes elements. Text stays text: no module makes HTML of it, which the page's Trusted Types would refuse.

import { url } from "./page.js";

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  account: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-8 8c1-4 4.5-5 8-5s7 1 8 5",
  camera: "M4 8h3l2-3h6l2 3h3v11H4ZM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Z",
  close: "M6 6l12 12M18 6 6 18",
  download: "M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 20h14",
  looks: "M12 9.5 3 17h18l-9-7.5Zm0 0V8a2 2 0 1 0-2-2",
  create: "M12 5v14M5 12h14",
  play: "M8 5.5v13l11-6.5Z",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm5-2 4.5 4.5",
  star: "m12 4 2.5 5.200 5.700.8-4.100 4 1 5.700-5.100-2.700-5.100 2.700 1-5.700-4.100-4 5.700-.8Z",
  upload: "M12 16V5M7.5 9.5 12 5l4.5 4.5M5 20h14",
  videos: "M4 6h16v12H4ZM8 6v12M16 6v12M4 12h4m8 0h4",
};

/**
 * An element: `h("p.soft", {title: "…"}, child, …)`; the attributes may be left out. `on…` attributes are listeners;
 * true, false and null work as in `toggleAttribute`.
 */
export function h(selector, ...children) {
  const [tag, ...classes] = selector.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  if (tag === "button") node.type = "button";
  if (children[0]?.constructor === Object) set(node, children.shift());
  return fill(node, ...children);
}

/** A link to a page of ours. */
export const link = (path, text, style = "") => h(`a${style && `.${style}`}`, { href: url(path) }, text);

export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === false || value === null || value === undefined) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : value);
  }
  return node;
}

/** Replace the element's children; null and false are left out. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child || child === 0));
  return node;
}

/** A picture of a word; screen readers skip it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  set(svg, { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" });
  const path = document.createElementNS(SVG, "path");
  set(path, { d: ICONS[name] });
  svg.append(path);
  return svg;
}

let lastId = 0;

/** An id for a label or a description. */
export const newId = () => `n${(lastId += 1)}`;
