// The pages of mailed links: a new password, and a verified address.

import { api, forget, go, h, isSignedIn, link, loaded, pathOf, reload, sentence, t } from "../core.js";
import { field, form, input, notify } from "../parts.js";

const PAGES = { "/forgot-password": forgotten, "/reset-password": reset, "/verify-email": verify };

export default ({ query }) => PAGES[pathOf(location)](query.get("token") ?? "");

const narrow = (title, ...parts) => ({ title, node: h("section.narrow", h("h1", title), parts) });

function forgotten() {
  const fields = { email: emailField() };
  const done = h("p", { role: "status" });
  const send = async (values) => {
    await api.post("/auth/password/reset", values, { anonymous: true });
    done.textContent = t("If an account has this address, a mail with a link is on its way.");
  };
  return narrow(
    t("Forgotten password"),
    h("p.lead", t("We mail you a link to set a new one. It works once, for an hour.")),
    form({ fields, submit: t("Send the link"), send }),
    done,
  );
}

function reset(token) {
  const fields = {
    newPassword: field(
      t("New password"),
      input("newPassword", { type: "password", autocomplete: "new-password", required: true, minlength: 8 }),
      { hint: t("At least 8 characters, not only digits, not common.") },
    ),
  };
  const send = async ({ newPassword }) => {
    await api.post("/auth/password/reset/confirm", { token, newPassword }, { anonymous: true });
    forget(); // all sessions have ended
    notify(t("Your password is set. Sign in with it."));
    go("/sign-in", { replace: true });
  };
  return narrow(t("Set a new password"), form({ fields, submit: t("Set the password"), send, quiet: true }));
}

async function verify(token) {
  const title = t("Verify your address");
  if (!token) return request(title);
  try {
    await api.post("/auth/email/verify/confirm", { token }, { anonymous: !isSignedIn() });
    if (isSignedIn()) await reload();
    return narrow(
      title,
      h("p.lead", t("Your address is verified.")),
      link(isSignedIn() ? "/looks" : "/sign-in", isSignedIn() ? t("To my looks") : t("Sign in"), "button"),
    );
  } catch (error) {
    return request(title, h("p.error", { role: "alert" }, sentence(error)));
  }
}

/** Offer to mail a link. */
async function request(title, why) {
  const value = isSignedIn() ? (await loaded()).email : "";
  const fields = { email: emailField(value) };
  const send = async (values) => {
    await api.post("/auth/email/verify", values, { anonymous: true });
    notify(t("A mail with a link is on its way."));
  };
  return narrow(title, why, form({ fields, submit: t("Send the link"), send, quiet: true }));
}

const emailField = (value = "") =>
  field(t("E-mail address"), input("email", { type: "email", autocomplete: "username", required: true, value }));
