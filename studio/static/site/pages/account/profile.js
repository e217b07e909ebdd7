// Name, address and password.

import { api, begin, end, h, know, link, reload, t } from "../../core.js";
import { button, field, form, input, notify, options } from "../../parts.js";

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
    ? h("p.badges", h("span.badge.succeeded", t("Verified")))
    : h("p", offers.mail ? link("/verify-email", t("Verify this address")) : t("Not verified"));
  return [
    h("section.panel", h("h2", account.email), verification, form({ fields, submit: t("Save"), send, quiet: true })),
    h("section.panel", h("h2", t("Password")), password()),
    h("section.panel", h("h2", t("This browser")), button(t("Sign out"), end, "button.quiet")),
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
