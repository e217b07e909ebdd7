// Webhooks: where this server sends events, and what became of them.

import { api, asking, form, h, moment, open, rows, showSecret, t, template } from "../../studio.js";

export default async function webhooks() {
  const node = template("webhooks");
  const draw = await rows(node.parts.list, "/webhooks", row);
  return form(node, async ({ url, description }, data) => {
    const made = await api.post("/webhooks", { url, description, events: data.getAll("events") });
    showSecret(t("The secret of the webhook"), made.secret);
    await draw();
  });
}

function row(hook, draw) {
  const path = `/webhooks/${hook.id}`;
  const isActive = hook.status === "active";
  const test = () => api.post(`${path}/test`);
  const become = (status) => async () => {
    await api.patch(path, { status });
    await draw();
  };
  const rotate = async () => {
    const { secret } = await api.post(`${path}/rotate-secret`);
    showSecret(t("The secret of the webhook"), secret);
  };
  const remove = async () => {
    await api.remove(path);
    await draw();
  };
  const deliveries = async () => {
    const list = template("deliveries");
    await rows(list, `${path}/deliveries`, delivery(path));
    open(t("Deliveries"), list, { isWide: true });
  };
  return template("webhook", {
    url: hook.url,
    active: isActive,
    disabled: !isActive,
    description: hook.description,
    events: hook.events.join(", "),
    failing: moment(hook.failingSince),
    deliveries,
    test: isActive && test,
    rotate: asking("replace-secret", rotate),
    disable: isActive && become("disabled"),
    enable: !isActive && become("active"),
    remove: asking("delete-webhook", remove, { text: hook.url }),
  });
}

const delivery = (path) => (message, draw) => {
  const again = async () => {
    await api.post(`${path}/deliveries/${message.id}/retry`);
    await draw();
  };
  const state = { delivered: "succeeded", failed: "failed" }[message.status] ?? "pending";
  return template("delivery", {
    state: h(`span.badge.${state}`, message.responseStatus ?? message.status),
    type: message.type,
    sentAt: moment(message.createdAt),
    error: message.error,
    again,
  });
};
