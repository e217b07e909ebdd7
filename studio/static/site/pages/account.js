// The account: a page of its own for each subject.

import { fill, h } from "../core/dom.js";
import { url } from "../core/page.js";
import { t } from "../core/text.js";
import { skeleton } from "../parts/list.js";
import { complain } from "../parts/notice.js";

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
  const place = h("div", { class: "stack" }, skeleton(3, "lines"));
  const nav = h(
    "nav",
    { class: "tabs", "aria-label": t("Account") },
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
    node: [h("header", { class: "head" }, h("h1", {}, name()), nav), place],
  };
}
