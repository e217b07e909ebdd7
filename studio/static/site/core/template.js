// The document's templates (templates/site/markup), filled.

import { fill, isNothing, set } from "./dom.js";
import { acting } from "./notice.js";

/** A copy of a template, with its parts filled. `parts` has the elements with `data-part` by their names, and `self`. */
export function template(id, contents = {}) {
  const node = document.importNode(document.getElementById(id).content, true).firstElementChild;
  node.parts = { self: node };
  for (const part of node.querySelectorAll("[data-part]")) node.parts[part.dataset.part] = part;
  for (const [name, content] of Object.entries(contents)) put(node.parts[name], content);
  return node;
}

/**
 * Text and elements become the part's content, or that of its `<slot>`; an object has attributes; a function is the
 * work of a button. True leaves the part as it is; false, null and undefined remove it.
 */
function put(part, content) {
  if (isNothing(content)) part.remove();
  else if (typeof content === "function") part.addEventListener("click", acting(content));
  else if (content.constructor === Object) set(part, content);
  else if (content !== true) fill(part.querySelector("slot") ?? part, content);
}

/** Mark one tab of the page's navigation; returns it. */
export function markTab(node, name) {
  const tab = node.querySelector(`[data-tab="${name}"]`);
  if (tab) tab.ariaCurrent = "page";
  return tab;
}
