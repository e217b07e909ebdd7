// Where the account is signed in.

import * as api from "../../core/api.js";
import { fill, h } from "../../core/dom.js";
import { forget } from "../../core/session.js";
import { moment, t } from "../../core/text.js";
import { confirm } from "../../parts/dialog.js";
import { acting, notify } from "../../parts/notice.js";

export default async function sessions({ signal }) {
  const list = h("ul", { class: "rows" });

  async function draw() {
    const { items } = await api.get("/auth/sessions?limit=100", { signal });
    fill(list, items.map((one) => row(one, draw)));
  }

  const everywhere = async () => {
    const text = t("Every browser is signed out, this one too. API keys stay.");
    if (!(await confirm({ title: t("Sign out everywhere?"), text, yes: t("Sign out everywhere") }))) return;
    await api.remove("/auth/sessions");
    forget();
  };
  await draw();
  return [list, h("p", {}, h("button", { class: "button harmful", type: "button", onclick: acting(everywhere) }, t("Sign out everywhere")))];
}

function row(session, draw) {
  const finish = async () => {
    await api.remove(`/auth/sessions/${session.id}`);
    if (session.isCurrent) return forget();
    notify(t("The session has ended."));
    return draw();
  };
  return h(
    "li",
    {},
    h("strong", {}, clientOf(session.client)),
    session.isCurrent ? h("span", { class: "badge succeeded" }, t("This browser")) : null,
    h("span", { class: "soft" }, session.clientIp),
    h("span", { class: "soft" }, t("used"), " ", moment(session.lastUsedAt)),
    h("button", { class: "link harmful", type: "button", onclick: acting(finish) }, t("Sign out")),
  );
}

/** “Chrome · Linux” of a browser's own long name. */
function clientOf(name) {
  const browser = /(Edg|OPR|Firefox|Chrome|Safari|curl|python)/.exec(name)?.[1];
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(name)?.[1];
  return [{ Edg: "Edge", OPR: "Opera" }[browser] ?? browser, system].filter(Boolean).join(" · ") || name || t("Unknown program");
}
