// API keys, for scripts.

import { api, asking, form, isPast, moment, rows, showSecret, t, template } from "../../studio.js";

export default async function keys() {
  const node = template("keys");
  const draw = await rows(node.parts.list, "/api-keys", row);
  return form(node, async ({ name, expiresInDays }, data) => {
    const days = expiresInDays ? { expiresInDays: Number(expiresInDays) } : {};
    const made = await api.post("/api-keys", { name, scopes: data.getAll("scopes"), ...days });
    showSecret(made.key);
    await draw();
  });
}

function row(key, drawing) {
  const revoked = Boolean(key.revokedAt);
  const expired = !revoked && isPast(key.expiresAt);
  const revoke = drawing(() => api.remove(`/api-keys/${key.id}`));
  return template("key", {
    name: key.name,
    prefix: `${key.prefix}…`,
    scopes: key.scopes.join(", "),
    unused: !key.lastUsedAt,
    used: moment(key.lastUsedAt),
    revoked,
    expired,
    revoke: !revoked && !expired && asking("revoke-key", revoke, { title: t("Revoke “{name}”?", key) }),
  });
}
