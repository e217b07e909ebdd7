// API keys, for scripts.

import { api, h, moment, t } from "../../core.js";
import { button, checks, confirm, field, form, input, rows, secret } from "../../parts.js";

const SCOPES = [
  ["videos:read", () => t("Read videos")],
  ["videos:write", () => t("Make and delete videos")],
  ["looks:read", () => t("Read looks")],
  ["looks:write", () => t("Change looks")],
  ["account:read", () => t("Read the balance")],
];

export default async function keys() {
  const list = await rows("/api-keys", row, t("No keys yet."));
  const scopes = checks(t("What it may do"), SCOPES, false);
  const fields = {
    name: field(t("Name"), input("name", { required: true, maxlength: 100 }), { hint: t("What the key is for.") }),
    scopes,
    expiresInDays: field(t("Days until it ends"), input("expiresInDays", { type: "number", min: 1, max: 3650 }), {
      hint: t("Empty: until it is revoked."),
    }),
  };
  const send = async ({ name, expiresInDays }) => {
    const days = expiresInDays ? { expiresInDays: Number(expiresInDays) } : {};
    const made = await api.post("/api-keys", { name, scopes: scopes.values(), ...days });
    secret(t("Your new key"), made.key);
    await list.draw();
  };
  return [list, h("section.panel", h("h2", t("Create a key")), form({ fields, submit: t("Create a key"), send }))];
}

function row(key, draw) {
  const ended = key.revokedAt || (key.expiresAt && new Date(key.expiresAt) < new Date());
  const revoke = async () => {
    const text = t("Scripts that use it are refused from now on.");
    if (!(await confirm({ title: t("Revoke “{name}”?", key), text, yes: t("Revoke") }))) return;
    await api.remove(`/api-keys/${key.id}`);
    await draw();
  };
  return [
    h(ended ? "s" : "strong", key.name),
    h("code", `${key.prefix}…`),
    h("span.soft", key.scopes.join(", ")),
    h("span.soft", key.lastUsedAt ? [t("used"), " ", moment(key.lastUsedAt)] : t("not used yet")),
    ended ? h("span.badge", key.revokedAt ? t("Revoked") : t("Expired")) : button(t("Revoke"), revoke, "link.harmful"),
  ];
}
