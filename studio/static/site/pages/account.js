// The account: a page of its own for each subject.

import { fill, h, t, url } from "../core.js";
import { complain, skeleton } from "../parts.js";

const SECTIONS = [
  ["", () => t("Profile"), () => import("./account/profile.js")],
  ["tokens", () => t("Balance"), () => import("./account/tokens.js")],
  ["sessions", () => t("Sessions"), () => import("./account/sessions.js")],
  ["keys", () => t("API keys"), () => import("./account/keys.js")],
  ["webhooks", () => t("Webhooks"), () => import("./account/webhooks.js")],
  ["data", () => t("Data"), () => import("./account/data.js")],
];

export default async function account({ parameters: [chosen = ""], signal }) {
  const [, name, load] = SECTIONS.find(([part]) => part === chosen);
  const place = h("div.stack", skeleton(3, "lines"));
  const nav = h("nav.tabs", { "aria-label": t("Account") },
    SECTIONS.map(([part, label]) =>
      h("a", { href: url(part ? `/account/${part}` : "/account"), "aria-current": part === chosen ? "page" : null }, label()),
    ),
  );
  load()
    .then(({ default: section }) => section({ signal }))
    .then((content) => signal.aborted || fill(place, content))
    .catch((error) => (fill(place), complain(error)));
  return {
    title: name(),
    node: [h("header.head", h("h1", name()), nav), place],
  };
}
