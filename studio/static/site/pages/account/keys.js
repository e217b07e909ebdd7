// API keys, for scripts.

import * as api from "../../core/api.js";
import { fill, h } from "../../core/dom.js";
import { moment, t } from "../../core/text.js";
import { confirm, open } from "../../parts/dialog.js";
import { field, form, input } from "../../parts/form.js";
import { acting, notify } from "../../parts/notice.js";

const SCOPES = [
  ["videos:read", () => t("Read videos")],
  ["videos:write", () => t("Make and delete videos")],
  ["looks:read", () => t("Read looks")],
  ["looks:write", () => t("Change looks")],
  ["account:read", () => t("Read the balance")],
];

export default async function keys({ signal }) {
  const list = h("ul", { class: "rows" });

  async function draw() {
    const { items } = await api.get("/api-keys?limit=100", { signal });
    fill(list, items.length ? items.map((key) => row(key, draw)) : h("li", { class: "soft" }, t("No keys yet.")));
  }

  await draw();
  return [list, h("section", { class: "panel" }, h("h2", {}, t("Create a key")), newKey(draw))];
}

function row(key, draw) {
  const ended = key.revokedAt || (key.expiresAt && new Date(key.expiresAt) < new Date());
  const revoke = async () => {
    const text = t("Scripts that use it are refused from now on.");
    if (!(await confirm({ title: t("Revoke “{key}”?", { key: key.name }), text, yes: t("Revoke") }))) return;
    await api.remove(`/api-keys/${key.id}`);
    await draw();
  };
  return h(
    "li",
    { class: ended ? "ended" : null },
    h("strong", {}, key.name),
    h("code", {}, `${key.prefix}…`),
    h("span", { class: "soft" }, key.scopes.join(", ")),
    h("span", { class: "soft" }, key.lastUsedAt ? [t("used"), " ", moment(key.lastUsedAt)] : t("not used yet")),
    ended
      ? h("span", { class: "badge" }, key.revokedAt ? t("Revoked") : t("Expired"))
      : h("button", { class: "link harmful", type: "button", onclick: acting(revoke) }, t("Revoke")),
  );
}

function newKey(draw) {
  const fields = {
    name: field(t("Name"), input("name", { required: true, maxlength: 100 }), { hint: t("What the key is for.") }),
    expiresInDays: field(t("Days until it ends"), input("expiresInDays", { type: "number", min: 1, max: 3650, inputmode: "numeric" }), {
      hint: t("Empty: until it is revoked."),
    }),
  };
  const scopes = h(
    "fieldset",
    { class: "checks" },
    h("legend", {}, t("What it may do")),
    SCOPES.map(([value, name]) => h("label", {}, h("input", { type: "checkbox", name: "scope", value }), ` ${name()}`)),
  );
  const chosen = () => [...scopes.querySelectorAll(":checked")].map((box) => box.value);
  const send = async ({ name, expiresInDays }) => {
    const made = await api.post("/api-keys", { name, scopes: chosen(), ...(expiresInDays && { expiresInDays: Number(expiresInDays) }) });
    secret(t("Your new key"), made.key);
    await draw();
  };
  return form({ fields, content: [fields.name, scopes, fields.expiresInDays], submit: t("Create a key"), send });
}

/** Show a secret, this once. */
export function secret(title, text) {
  const value = h("input", { class: "secret", readonly: true, value: text, "aria-label": title, onfocus: ({ target }) => target.select() });
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    notify(t("Copied."));
  };
  open({
    title,
    content: h("div", { class: "stack" }, h("p", {}, t("Copy it now: it is not shown again.")), value),
    actions: [h("button", { class: "button", type: "button", onclick: acting(copy) }, t("Copy"))],
  });
}
