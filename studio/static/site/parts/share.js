// Who sees a look: its visibility, addresses, and public links.

import { api, copy, fill, form, isPast, moment, open, rows, t, template } from "../studio.js";

/** `badge` shows the visibility on the page. */
export async function share(look, badge) {
  const path = `/looks/${look.id}/links`;
  const create = async () => {
    const made = await api.post(path, days.value ? { expiresInDays: Number(days.value) } : {});
    await copy(made.url);
    await draw();
  };
  const node = template("share", { create });
  const { days, links } = node.parts;
  const draw = await rows(links, path, row(path));
  people(node.querySelector("form"), look, badge);
  open(t("Share “{look}”", { look: look.title }), node);
}

const row = (path) => ({ id, url, expiresAt, revokedAt }, drawing) =>
  !revokedAt && !isPast(expiresAt) && template("share-link", {
    address: { value: url },
    endless: !expiresAt,
    ends: moment(expiresAt),
    copy: () => copy(url),
    open: { href: url },
    revoke: drawing(() => api.remove(`${path}/${id}`)),
  });

function people(node, look, badge) {
  const emails = node.querySelector("[data-field=sharedWithEmails]");
  const show = () => (emails.hidden = node.elements.visibility.value !== "shared");
  const send = async ({ visibility, sharedWithEmails }) => {
    const addresses = sharedWithEmails.split(/[\s,;]+/).filter(Boolean);
    Object.assign(look, await api.patch(`/looks/${look.id}`, { visibility, sharedWithEmails: addresses }));
    fill(badge, template(`visibility-${look.visibility}`));
  };
  form(node, send, { ...look, sharedWithEmails: look.sharedWithEmails.join("\n") });
  node.addEventListener("change", show);
  show();
}
