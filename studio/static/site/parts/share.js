// Who sees a look: its visibility, addresses, and public links.

import { api, h, moment, t } from "../core.js";
import { open } from "./dialog.js";
import { choice, field, form } from "./form.js";
import { rows } from "./list.js";
import { button, copy, notify } from "./notice.js";

const DAYS = [
  ["", () => t("No end")],
  ["1", () => t("1 day")],
  ["7", () => t("7 days")],
  ["30", () => t("30 days")],
];

/** The dialog. */
export async function share(look) {
  const path = `/looks/${look.id}/links`;
  const links = await rows(path, row(path), t("No links yet."));
  const days = h("select", { name: "days" }, DAYS.map(([value, name]) => h("option", { value }, name())));
  const create = async () => {
    const made = await api.post(path, days.value ? { expiresInDays: Number(days.value) } : {});
    await copy(made.url);
    await links.draw();
  };

  open({
    title: t("Share “{look}”", { look: look.title }),
    content: h("div.stack",
      h("h3", t("By link")),
      h("p.soft", t("Everyone who has the link sees the look and its default video, without an account.")),
      links,
      h("div.row", field(t("Ends after"), days), button(t("Create a link"), create)),
      h("h3", t("In the studio")),
      people(look),
    ),
  });
}

const row = (path) => (link, draw) => {
  if (link.revokedAt || (link.expiresAt && new Date(link.expiresAt) < new Date())) return null;
  const revoke = async () => {
    await api.remove(`${path}/${link.id}`);
    notify(t("The link does not work any more."));
    await draw();
  };
  return [
    h("input", { readonly: true, value: link.url, "aria-label": t("Link") }),
    h("span.soft", link.expiresAt ? [t("Ends"), " ", moment(link.expiresAt)] : t("No end")),
    button(t("Copy"), () => copy(link.url), "link"),
    h("a.link", { href: link.url, target: "_blank", rel: "noopener" }, t("Open")),
    button(t("Revoke"), revoke, "link.harmful"),
  ];
};

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

