// The header: where the person is, and the balance.

import { fill, h, icon } from "../core/dom.js";
import { onMe } from "../core/me.js";
import { url } from "../core/page.js";
import { isSignedIn, onChange } from "../core/session.js";
import { n, t } from "../core/text.js";

const PLACES = [
  ["/looks", "looks", () => t("Looks")],
  ["/create", "create", () => t("Create")],
  ["/videos", "videos", () => t("Videos")],
  ["/account", "account", () => t("Account")],
];

const nav = document.getElementById("nav");
const aside = document.getElementById("aside");

/** Show the header, for guests or for the account. */
export function start() {
  onChange(draw);
  onMe(() => draw());
  draw();
}

let balance = null;

function draw() {
  document.documentElement.classList.toggle("signed-in", isSignedIn());
  if (!isSignedIn()) {
    balance = null;
    fill(nav);
    fill(aside, h("a", { class: "button quiet small", href: url("/sign-in") }, t("Sign in")));
    return;
  }
  if (balance) return;
  fill(
    nav,
    PLACES.map(([path, picture, name]) => h("a", { href: url(path), "data-nav": "" }, icon(picture), h("span", {}, name()))),
  );
  balance = h("a", { class: "balance", href: url("/account/tokens"), "aria-live": "polite" }, "…");
  fill(aside, balance);
  onMe((account) => account && fill(balance, account.tokens.unlimited ? t("Unlimited") : tokens(account.tokens.balance)));
}

const tokens = (count) => n("{count} token", "{count} tokens", count);
