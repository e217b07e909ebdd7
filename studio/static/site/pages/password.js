// The pages of mailed links: a new password, and a verified address.

import {
  api, forget, form, go, isSignedIn, loaded, pathOf, reload, sentence, t, template,
} from "../studio.js";

const PAGES = { "/forgot-password": forgotten, "/reset-password": reset, "/verify-email": verify };

export default ({ query }) => PAGES[pathOf(location)](query.get("token") ?? "");

function forgotten() {
  const node = template("forgot-password");
  return form(node, async (values) => {
    await api.post("/auth/password/reset", values, { anonymous: true });
    node.parts.done.textContent = t("If an account has this address, a mail with a link is on its way.");
  });
}

function reset(token) {
  return form(template("reset-password"), async ({ newPassword }) => {
    await api.post("/auth/password/reset/confirm", { token, newPassword }, { anonymous: true });
    forget(); // all sessions have ended
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
  const send = (values) => api.post("/auth/email/verify", values, { anonymous: true });
  const account = isSignedIn() ? await loaded() : {};
  return form(template("verify-email", { why }), send, account);
}
