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
    if (isNew) await api.post("/auth/register", values, { anonymous: true });
    begin(await api.post("/auth/token", values, { anonymous: true }));
    if (isNew && offers.mail) notify(t("Welcome. We have mailed you a link to verify your address."));
    go(inside(next), { replace: true });
  };
  return form(node, send, { email: query.get("email") });
}

/** Sign in to the demo account, without a password. */
export async function enterDemo(next = "/looks") {
  begin(await api.post("/auth/demo", null, { anonymous: true }));
  go(inside(next), { replace: true });
}

/** The path if it is of this site: a link to the sign-in page must not lead elsewhere. */
const inside = (path) => (/^\/(?!\/)/.test(path) ? path : "/looks");

async function google() {
  try {
    const { idToken, next } = backFromGoogle();
    begin(await api.post("/auth/google", { idToken }, { anonymous: true }));
    return go(inside(next), { replace: true });
  } catch (error) {
    return template("google-failed", { why: sentence(error) });
  }
}
