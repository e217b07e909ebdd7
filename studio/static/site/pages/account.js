// The account: a page of its own for each subject.

import { markTab, saysWhy, template } from "../studio.js";

export default async function account({ parameters: [section = "profile"], signal }) {
  const node = template("account");
  const { heading, place } = node.parts;
  heading.textContent = markTab(node, section).textContent;
  import(`./account/${section}.js`)
    .then(({ default: load }) => load({ signal }))
    .then((content) => signal.aborted || place.replaceWith(content))
    .catch(saysWhy(place));
  return node;
}
