// Signing in, by password or with Google, and registering.

import {
  api, backFromGoogle, begin, form, go, inside, leaveForGoogle, notify, pathOf, sentence, t, template,
} from "../studio.js";

export default async function signIn({ query }) {
  const path = pathOf(location);
  if (path === "/sign-in/google") return google();
  const offers = await api.get("/auth/methods", { anonymous: true });
  const isNew = path === "/register";
  const node = template(isNew ? "register" : "sign-in", {
    google: () => leaveForGoogle(offers.google, query.get("next")),
    ...(isNew ? { start: offers.signUpTokens, closed: !offers.registrationOpen } : { demo: enterDemo }),
  });
  for (const part of node.querySelectorAll("[data-with]")) part.hidden = !offers[part.dataset.with];
  node.parts.other.search = location.search;
  const send = async (values) => {
    if (isNew) await api.postAsGuest("/auth/register", values);
    try {
      begin(await api.postAsGuest("/auth/token", values)); // the router shows the page that comes next
    } catch (error) {
      if (!isNew || error.code !== "email_unverified") throw error;
      return go(`/verify-email?email=${encodeURIComponent(values.email)}`, { replace: true });
    }
    if (isNew && offers.mail) notify(t("Welcome. We have mailed you a link to verify your address."));
    return null;
  };
  return form(node, send, { email: query.get("email") });
}

export const enterDemo = async () => begin(await api.postAsGuest("/auth/demo"));

async function google() {
  try {
    const { idToken, next } = backFromGoogle();
    begin(await api.postAsGuest("/auth/google", { idToken }));
    return go(inside(next), { replace: true });
  } catch (error) {
    return template("google-failed", { why: sentence(error) });
  }
}
