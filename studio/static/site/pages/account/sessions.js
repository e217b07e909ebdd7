// Where the account is signed in.

import { api, forget, h, moment, t } from "../../core.js";
import { button, confirm, notify, rows } from "../../parts.js";

export default async function sessions() {
  const everywhere = async () => {
    const text = t("Every browser is signed out, this one too. API keys stay.");
    if (!(await confirm({ title: t("Sign out everywhere?"), text, yes: t("Sign out everywhere") }))) return;
    await api.remove("/auth/sessions");
    forget();
  };
  return [await rows("/auth/sessions", row), h("p", button(t("Sign out everywhere"), everywhere, "button.harmful"))];
}

function row(session, draw) {
  const finish = async () => {
    await api.remove(`/auth/sessions/${session.id}`);
    if (session.isCurrent) return forget();
    notify(t("The session has ended."));
    return draw();
  };
  return [
    h("strong", clientOf(session.client)),
    session.isCurrent ? h("span.badge.succeeded", t("This browser")) : null,
    h("span.soft", session.clientIp),
    h("span.soft", t("used"), " ", moment(session.lastUsedAt)),
    button(t("Sign out"), finish, "link.harmful"),
  ];
}

/** “Chrome · Linux” of a browser's own long name. */
function clientOf(name) {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari|curl|python)/.exec(name)?.[1];
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(name)?.[1];
  return [{ Edg: "Edge", OPR: "Opera" }[browser] ?? browser, system].filter(Boolean).join(" · ") || name || t("Unknown program");
}
