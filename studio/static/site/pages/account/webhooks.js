// Webhooks: where this server sends events, and what became of them.

import { api, h, moment, t } from "../../core.js";
import { button, checks, confirm, field, form, input, notify, open, rows, secret } from "../../parts.js";

const EVENTS = ["job.created", "job.updated", "job.deleted"].map((kind) => [kind, () => kind]);

export default async function webhooks() {
  const list = await rows("/webhooks", row, t("No webhooks yet."));
  const events = checks(t("Events"), EVENTS, true);
  const fields = {
    url: field(t("Address"), input("url", { type: "url", required: true, placeholder: "https://" })),
    description: field(t("Description"), input("description", { maxlength: 200 })),
    events,
  };
  const send = async ({ url, description }) => {
    const made = await api.post("/webhooks", { url, description, events: events.values() });
    secret(t("The secret of the webhook"), made.secret);
    await list.draw();
  };
  return [list, h("section.panel", h("h2", t("Add a webhook")), form({ fields, submit: t("Add a webhook"), send }))];
}

function row(hook, draw) {
  const path = `/webhooks/${hook.id}`;
  const isActive = hook.status === "active";
  const test = async () => {
    await api.post(`${path}/test`);
    notify(t("A test is on its way."));
  };
  const change = async () => {
    await api.patch(path, { status: isActive ? "disabled" : "active" });
    await draw();
  };
  const rotate = async () => {
    const text = t("The old secret signs for another day, too.");
    if (!(await confirm({ title: t("Replace the secret?"), text, yes: t("Replace"), isHarmful: false }))) return;
    secret(t("The secret of the webhook"), (await api.post(`${path}/rotate-secret`)).secret);
  };
  const remove = async () => {
    if (!(await confirm({ title: t("Delete this webhook?"), text: hook.url, yes: t("Delete") }))) return;
    await api.remove(path);
    await draw();
  };
  const deliveries = async () =>
    open({ title: t("Deliveries"), wide: true, content: await rows(`${path}/deliveries`, delivery(path), t("Nothing was sent yet.")) });
  return [
    h("strong", hook.url),
    h(`span.badge.${isActive ? "succeeded" : "failed"}`, isActive ? t("Active") : t("Disabled")),
    h("span.soft", hook.description),
    h("span.soft", hook.events.join(", ")),
    hook.failingSince ? h("span.error", t("fails since"), " ", moment(hook.failingSince)) : null,
    button(t("Deliveries"), deliveries, "link"),
    isActive ? button(t("Send a test"), test, "link") : null,
    button(t("Replace the secret"), rotate, "link"),
    button(isActive ? t("Disable") : t("Enable"), change, "link"),
    button(t("Delete"), remove, "link.harmful"),
  ];
}

const delivery = (path) => (message, draw) => {
  const again = async () => {
    await api.post(`${path}/deliveries/${message.id}/retry`);
    await draw();
  };
  const state = { delivered: "succeeded", failed: "failed" }[message.status] ?? "pending";
  return [
    h(`span.badge.${state}`, message.responseStatus ?? message.status),
    h("code", message.type),
    moment(message.createdAt),
    h("span.error", message.error),
    button(t("Send again"), again, "link"),
  ];
};
