// Where the account is signed in.

import { api, asking, forget, moment, rows, t, template } from "../../studio.js";

export default async function sessions() {
  const signOut = async () => {
    await api.remove("/auth/sessions");
    forget();
  };
  const node = template("sessions", { everywhere: asking("sign-out-everywhere", signOut) });
  await rows(node.parts.list, "/auth/sessions", row);
  return node;
}

function row(session, draw) {
  const signOut = async () => {
    await api.remove(`/auth/sessions/${session.id}`);
    if (session.isCurrent) forget();
    else await draw();
  };
  return template("session", {
    client: clientOf(session.client),
    isCurrent: session.isCurrent,
    address: session.clientIp,
    used: moment(session.lastUsedAt),
    signOut,
  });
}

/** “Chrome · Linux” of a browser's own long name. */
function clientOf(name) {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari|curl|python)/.exec(name)?.[1];
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(name)?.[1];
  return [{ Edg: "Edge", OPR: "Opera" }[browser] ?? browser, system].filter(Boolean).join(" · ") || name || t("Unknown program");
}
