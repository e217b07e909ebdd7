// The pages of mailed links: a new password, and a verified address.

import { api, forget, go, isSignedIn, loaded, notify, partsOf, pathOf, reload, sentence, t, template } from "../core.js";
import { form } from "../parts.js";

const PAGES = { "/forgot-password": forgotten, "/reset-password": reset, "/verify-email": verify };

export default ({ query }) => PAGES[pathOf(location)](query.get("token") ?? "");

function forgotten() {
  const node = template("forgot-password");
  return form(node, async (values) => {
    await api.post("/auth/password/reset", values, { anonymous: true });
    partsOf(node).done.textContent = t("If an account has this address, a mail with a link is on its way.");
  });
}

function reset(token) {
  return form(template("reset-password"), async ({ newPassword }) => {
    await api.post("/auth/password/reset/confirm", { token, newPassword }, { anonymous: true });
    forget(); // all sessions have ended
    notify(t("Your password is set. Sign in with it."));
    go("/sign-in", { replace: true });
  });
}

async function verify(token) {
  if (!token) return request();
  try {
    await api.post("/auth/email/verify/confirm", { token }, { anonymous: !isSignedIn() });
    if (isSignedIn()) await reload();
    return template("email-verified");
  } catch (error) {
    return request(sentence(error));
  }
}

/** Offer to mail a link. */
async function request(why = null) {
  const send = async (values) => {
    await api.post("/auth/email/verify", values, { anonymous: true });
    notify(t("A mail with a link is on its way."));
  };
  const values = { email: isSignedIn() ? (await loaded()).email : "" };
  return form(template("verify-email", { why }), send, { values, isOnce: true });
}
