// The account: a page of its own for each subject.

import { complain, fill, markTab, partsOf, template } from "../core.js";
import { skeleton } from "../parts.js";

const SECTIONS = {
  profile: () => import("./account/profile.js"),
  tokens: () => import("./account/tokens.js"),
  sessions: () => import("./account/sessions.js"),
  keys: () => import("./account/keys.js"),
  webhooks: () => import("./account/webhooks.js"),
  data: () => import("./account/data.js"),
};

export default async function account({ parameters: [section = "profile"], signal }) {
  const node = template("account");
  const { heading, place } = partsOf(node);
  heading.textContent = markTab(node, section).textContent;
  fill(place, skeleton(3, "lines"));
  SECTIONS[section]()
    .then(({ default: load }) => load({ signal }))
    .then((content) => signal.aborted || place.replaceWith(content))
    .catch((error) => (fill(place), complain(error)));
  return node;
}
