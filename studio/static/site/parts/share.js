// Who sees a look: its visibility, addresses, and public links.

import * as api from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { moment, t } from "../core/text.js";
import { open } from "./dialog.js";
import { choice, field, form } from "./form.js";
import { acting, notify } from "./notice.js";

const DAYS = [
  ["", () => t("No end")],
  ["1", () => t("1 day")],
  ["7", () => t("7 days")],
  ["30", () => t("30 days")],
];

/** The dialog. */
export async function share(look) {
  const links = h("ul", { class: "rows" });
  const days = h("select", { name: "days" }, DAYS.map(([value, name]) => h("option", { value }, name())));
  const create = async () => {
    const made = await api.post(`/looks/${look.id}/links`, days.value ? { expiresInDays: Number(days.value) } : {});
    await copy(made.url);
    await draw();
  };

  async function draw() {
    const { items } = await api.get(`/looks/${look.id}/links?limit=100`);
    fill(links, items.filter(isLive).map((link) => row(link, draw, look)));
  }

  open({
    title: t("Share “{look}”", { look: look.title }),
    content: h(
      "div",
      { class: "stack" },
      h("h3", {}, t("By link")),
      h("p", { class: "soft" }, t("Everyone who has the link sees the look and its default video, without an account.")),
      links,
      h("div", { class: "row" }, field(t("Ends after"), days), h("button", { class: "button", type: "button", onclick: acting(create) }, t("Create a link"))),
      h("h3", {}, t("In the studio")),
      people(look),
    ),
  });
  await draw();
}

const isLive = ({ revokedAt, expiresAt }) => !revokedAt && !(expiresAt && new Date(expiresAt) < new Date());

function row(link, draw, look) {
  const revoke = async () => {
    await api.remove(`/looks/${look.id}/links/${link.id}`);
    notify(t("The link does not work any more."));
    await draw();
  };
  return h(
    "li",
    {},
    h("input", { readonly: true, value: link.url, "aria-label": t("Link"), onfocus: ({ target }) => target.select() }),
    h("span", { class: "soft" }, link.expiresAt ? [t("Ends"), " ", moment(link.expiresAt)] : t("No end")),
    h("button", { class: "link", type: "button", onclick: acting(() => copy(link.url)) }, t("Copy")),
    h("a", { class: "link", href: link.url, target: "_blank", rel: "noopener" }, t("Open")),
    h("button", { class: "link harmful", type: "button", onclick: acting(revoke) }, t("Revoke")),
  );
}

/** Copy where the browser permits it: over HTTPS, and after a click. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    notify(t("The link is copied."));
  } catch {
    notify(t("Copy the link from the field."));
  }
}

function people(look) {
  let { visibility } = look;
  const area = h("textarea", { name: "emails", rows: 3, placeholder: "ann@example.com" });
  area.value = look.sharedWithEmails.join("\n");
  const emails = field(t("E-mail addresses"), area, { hint: t("One in each line. Each person sees it once the address is verified.") });
  const show = (value) => {
    visibility = value;
    emails.hidden = value !== "shared";
  };
  const options = [
    ["private", t("Only me")],
    ["shared", t("Some people")],
    ["public", t("All who sign in")],
  ];
  const send = async () => {
    const sharedWithEmails = area.value.split(/[\s,;]+/).filter(Boolean);
    Object.assign(look, await api.patch(`/looks/${look.id}`, { visibility, sharedWithEmails }));
    notify(t("Saved."));
  };
  show(visibility);
  const fields = { sharedWithEmails: emails };
  return form({ fields, content: [choice(t("Who sees it"), "visibility", options, visibility, show), emails], submit: t("Save"), send, quiet: true });
}

