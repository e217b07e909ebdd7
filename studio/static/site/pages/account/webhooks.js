// Webhooks: where this server sends events, and what became of them.

import { api, asking, form, h, moment, open, rows, showSecret, t, template } from "../../studio.js";

export default async function webhooks() {
  const node = template("webhooks");
  const draw = await rows(node.parts.list, "/webhooks", row);
  return form(node, async ({ url, description }, data) => {
    const made = await api.post("/webhooks", { url, description, events: data.getAll("events") });
    showSecret(made.secret);
    await draw();
  });
}

function row(hook, drawing) {
  const path = `/webhooks/${hook.id}`;
  const isActive = hook.status === "active";
  const become = (status) => drawing(() => api.patch(path, { status }));
  const rotate = () => api.post(`${path}/rotate-secret`).then(({ secret }) => showSecret(secret));
  const deliveries = async () => {
    const list = template("deliveries");
    await rows(list, `${path}/deliveries`, delivery(path));
    open(t("Deliveries"), list);
  };
  return template("webhook", {
    url: hook.url,
    active: isActive,
    disabled: !isActive,
    description: hook.description,
    events: hook.events.join(", "),
    failing: moment(hook.failingSince),
    deliveries,
    test: isActive && (() => api.post(`${path}/test`)),
    rotate: asking("replace-secret", rotate),
    disable: isActive && become("disabled"),
    enable: !isActive && become("active"),
    remove: asking("delete-webhook", drawing(() => api.remove(path)), { text: hook.url }),
  });
}

const delivery = (path) => (message, drawing) =>
  template("delivery", {
    state: h(`span.badge.${message.status}`, message.responseStatus ?? message.status),
    type: message.type,
    sentAt: moment(message.createdAt),
    error: message.error,
    again: drawing(() => api.post(`${path}/deliveries/${message.id}/retry`)),
  });
