// Where the account is signed in.

import { api, asking, end, forget, moment, rows, t, template } from "../../studio.js";

export default async function sessions() {
  const node = template("sessions", { everywhere: asking("sign-out-everywhere", () => api.remove("/auth/sessions").then(forget)) });
  await rows(node.parts.list, "/auth/sessions", row);
  return node;
}

const row = ({ id, client, clientIp, isCurrent, lastUsedAt }, drawing) =>
  template("session", {
    client: clientOf(client),
    isCurrent,
    address: clientIp,
    used: moment(lastUsedAt),
    signOut: isCurrent ? end : drawing(() => api.remove(`/auth/sessions/${id}`)),
  });

/** “Chrome · Linux” of a browser's own long name. */
function clientOf(name) {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari|curl|python)/.exec(name)?.[1];
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(name)?.[1];
  return [{ Edg: "Edge", OPR: "Opera" }[browser] ?? browser, system].filter(Boolean).join(" · ") || name || t("Unknown program");
}
