// Signing in, by password or with Google, and registering.

import { api, begin, go, h, link, number, pathOf, sentence, t } from "../core.js";
import { backFromGoogle, button, field, form, googleButton, input, notify, options } from "../parts.js";

const LEAST_PASSWORD = 8; // characters; the server's rule

export default async function signIn({ query }) {
  const path = pathOf(location);
  const offers = await options();
  if (path === "/sign-in/google") return google();
  const next = query.get("next") ?? "/looks";
  const isNew = path === "/register";
  const fields = {
    email: field(t("E-mail address"), input("email", { type: "email", autocomplete: "username", required: true, value: query.get("email") })),
    password: field(
      t("Password"),
      input("password", {
        type: "password",
        autocomplete: isNew ? "new-password" : "current-password",
        required: true,
        minlength: isNew ? LEAST_PASSWORD : null,
      }),
      { hint: isNew ? t("At least 8 characters, not only digits, not common.") : "" },
    ),
  };
  const send = async (values) => {
    if (isNew) await api.post("/auth/register", values, { anonymous: true });
    begin(await api.post("/auth/token", values, { anonymous: true }));
    if (isNew && offers.mail) notify(t("Welcome. We have mailed you a link to verify your address."));
    go(inside(next), { replace: true });
  };
  const title = isNew ? t("Create an account") : t("Sign in");
  const other = isNew ? "/sign-in" : "/register";
  return {
    title,
    node: h("section.narrow",
      h("h1", title),
      isNew && offers.signUpTokens ? h("p.lead", t("You start with {tokens} tokens.", { tokens: number(offers.signUpTokens) })) : null,
      isNew && !offers.registrationOpen
        ? h("p.lead", t("New accounts are created by the staff of this server."))
        : form({ fields, submit: title, send, quiet: true }),
      offers.google ? googleButton(offers.google, next) : null,
      offers.demo && !isNew ? demo(next) : null,
      h("p.row",
        isNew || offers.registrationOpen
          ? link(`${other}${location.search}`, isNew ? t("I have an account") : t("Create an account"))
          : null,
        isNew || !offers.mail ? null : link("/forgot-password", t("Forgotten password")),
      ),
    ),
  };
}

const demo = (next) =>
  button(t("Try it as demo"), () => enterDemo(next), "button.quiet");

/** Sign in to the demo account, without a password. */
export async function enterDemo(next = "/looks") {
  begin(await api.post("/auth/demo", null, { anonymous: true }));
  go(inside(next), { replace: true });
}

/** The path if it is of this site: a link to the sign-in page must not lead elsewhere. */
const inside = (path) => (/^\/(?!\/)/.test(path) ? path : "/looks");

async function google() {
  const title = t("Sign in with Google");
  try {
    const { idToken, next } = backFromGoogle();
    begin(await api.post("/auth/google", { idToken }, { anonymous: true }));
    await go(inside(next), { replace: true });
    return { title: document.title };
  } catch (error) {
    return {
      title,
      node: h("section.narrow",
        h("h1", title),
        h("p.error", { role: "alert" }, sentence(error)),
        link("/sign-in", t("Sign in"), "button.quiet"),
      ),
    };
  }
}
