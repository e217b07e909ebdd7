// Name, address and password.

import * as api from "../../core/api.js";
import { h } from "../../core/dom.js";
import { know, reload } from "../../core/me.js";
import { url } from "../../core/page.js";
import { begin, end } from "../../core/session.js";
import { t } from "../../core/text.js";
import { options } from "../../parts/demo.js";
import { field, form, input } from "../../parts/form.js";
import { acting, notify } from "../../parts/notice.js";

export default async function profile() {
  const [account, offers] = await Promise.all([reload(), options()]);
  const fields = {
    name: field(t("Name"), input("name", { maxlength: 100, value: account.name, autocomplete: "name" }), { hint: t("As you want to be called.") }),
  };
  const send = async (values) => {
    know(await api.patch("/auth/me", values));
    notify(t("Saved."));
  };
  const verification = account.emailVerified
    ? h("p", { class: "badges" }, h("span", { class: "badge succeeded" }, t("Verified")))
    : h("p", {}, offers.mail ? h("a", { href: url("/verify-email") }, t("Verify this address")) : t("Not verified"));
  return [
    h("section", { class: "panel" }, h("h2", {}, account.email), verification, form({ fields, submit: t("Save"), send, quiet: true })),
    h("section", { class: "panel" }, h("h2", {}, t("Password")), password()),
    h("section", { class: "panel" }, h("h2", {}, t("This browser")), h("button", { class: "button quiet", type: "button", onclick: acting(end) }, t("Sign out"))),
  ];
}

function password() {
  const fields = {
    currentPassword: field(t("Current password"), input("currentPassword", { type: "password", autocomplete: "current-password" }), {
      hint: t("Empty for an account that signs in with Google only."),
    }),
    newPassword: field(t("New password"), input("newPassword", { type: "password", autocomplete: "new-password", required: true, minlength: 8 })),
  };
  const send = async ({ currentPassword, newPassword }) => {
    begin(await api.post("/auth/password", { newPassword, ...(currentPassword && { currentPassword }) }));
    notify(t("The password is changed. All other sessions have ended."));
  };
  return form({ fields, submit: t("Change the password"), send });
}
