// The pages of mailed links: a new password, and a verified address.

import {
  api, forget, form, go, isSignedIn, loaded, pathOf, reload, sentence, t, template,
} from "../studio.js";

const PAGES = { "/forgot-password": forgotten, "/reset-password": reset, "/verify-email": verify };

export default ({ query }) => PAGES[pathOf(location)](query.get("token") ?? "");

function forgotten() {
  const node = template("forgot-password");
  return form(node, async (values) => {
    await api.postAsGuest("/auth/password/reset", values);
    node.parts.done.textContent = t("If an account has this address, a mail with a link is on its way.");
  });
}

function reset(token) {
  return form(template("reset-password"), async ({ newPassword }) => {
    await api.postAsGuest("/auth/password/reset/confirm", { token, newPassword });
    forget(); // all sessions have ended
    go("/sign-in", { replace: true });
  });
}

async function verify(token) {
  if (!token) return request();
  try {
    await api.post("/auth/email/verify/confirm", { token });
    if (isSignedIn()) await reload();
    return template("email-verified");
  } catch (error) {
    return request(sentence(error));
  }
}

async function request(why = null) {
  const send = (values) => api.postAsGuest("/auth/email/verify", values);
  const account = isSignedIn() ? await loaded() : {};
  return form(template("verify-email", { why }), send, account);
}
