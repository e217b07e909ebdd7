// Signing in, by password or with Google, and registering.

import {
  api, backFromGoogle, begin, form, go, leaveForGoogle, notify, pathOf, sentence, t, template,
} from "../studio.js";

export default async function signIn({ query }) {
  const path = pathOf(location);
  if (path === "/sign-in/google") return google();
  const offers = await api.get("/auth/methods", { anonymous: true });
  const next = query.get("next") ?? "/looks";
  const isNew = path === "/register";
  const node = template(isNew ? "register" : "sign-in", {
    google: () => leaveForGoogle(offers.google, next),
    ...(isNew
      ? { start: t("You start with {tokens} tokens.", { tokens: offers.signUpTokens }) }
      : { demo: () => enterDemo(next) }),
  });
  for (const part of node.querySelectorAll("[data-with]")) part.hidden = !offers[part.dataset.with];
  for (const part of node.querySelectorAll("[data-without]")) part.hidden = offers[part.dataset.without];
  node.parts.other.search = location.search;
  const send = async (values) => {
    if (isNew) await api.postAsGuest("/auth/register", values);
    begin(await api.postAsGuest("/auth/token", values));
    if (isNew && offers.mail) notify(t("Welcome. We have mailed you a link to verify your address."));
    go(inside(next), { replace: true });
  };
  return form(node, send, { email: query.get("email") });
}

export async function enterDemo(next = "/looks") {
  begin(await api.postAsGuest("/auth/demo"));
  go(inside(next), { replace: true });
}

/** The path if it is of this site. */
const inside = (path) => (/^\/(?!\/)/.test(path) ? path : "/looks");

async function google() {
  try {
    const { idToken, next } = backFromGoogle();
    begin(await api.postAsGuest("/auth/google", { idToken }));
    return go(inside(next), { replace: true });
  } catch (error) {
    return template("google-failed", { why: sentence(error) });
  }
}
