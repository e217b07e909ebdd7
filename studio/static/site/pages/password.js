// The pages of mailed links: a new password, and a verified address.

import {
  api, forget, form, go, isSignedIn, pathOf, reload, sentence, template,
} from "../studio.js";

const PAGES = { "/forgot-password": forgotten, "/reset-password": reset, "/verify-email": verify };

export default ({ query }) => PAGES[pathOf(location)](query.get("token"), query.get("email"));

function forgotten() {
  const node = template("forgot-password");
  return form(node, async (values) => {
    await api.postAsGuest("/auth/password/reset", values);
    node.parts.done.hidden = false;
  });
}

function reset(token) {
  return form(template("reset-password"), async ({ newPassword }) => {
    await api.postAsGuest("/auth/password/reset/confirm", { token: token || "none", newPassword });
    forget(); // all sessions have ended
    go("/sign-in", { replace: true });
  });
}

async function verify(token, email) {
  if (!token) return request({ sent: Boolean(email) }, email);
  try {
    await api.post("/auth/email/verify/confirm", { token });
    if (isSignedIn()) await reload();
    return template("email-verified");
  } catch (error) {
    return request({ why: sentence(error) });
  }
}

/** Says why the link did not work, or that one was `sent` to a new account. */
async function request({ why = null, sent = false }, email = null) {
  const send = (values) => api.postAsGuest("/auth/email/verify", values);
  const account = isSignedIn() ? await reload() : { email };
  return form(template("verify-email", { why, sent }), send, account);
}
