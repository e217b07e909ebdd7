// Makes elements. Text stays text: no module makes HTML of it, which the page's Trusted Types would refuse.

import { url } from "./page.js";

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

export const link = (path, text) => h("a", { href: url(path) }, text);

/** Whether the value stands for no attribute, or no element. */
export const isNothing = (value) => value === false || value === null || value === undefined;

export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (isNothing(value)) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : value);
  }
  return node;
}

/** Replace the element's children; null and false are left out. */
export function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child || child === 0));
  return node;
}

/** A symbol of the document; screen readers skip it. */
export function icon(name) {
  const svg = document.importNode(document.getElementById("icon").content, true).firstElementChild;
  set(svg.firstElementChild, { href: `#icon-${name}` });
  return svg;
}

/** A picture, or a blank in its place. */
export const thumbnail = (src, symbol = "") =>
  src ? h("img", { src, alt: "", loading: "lazy", decoding: "async" }) : h("span.blank", symbol && icon(symbol));
