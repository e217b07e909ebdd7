// The header: where the person is, and the balance.

import { fill, h, icon, isSignedIn, link, n, onChange, onMe, t, url } from "../core.js";

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
    fill(aside, link("/sign-in", t("Sign in"), "button.quiet.small"));
    return;
  }
  if (balance) return;
  fill(
    nav,
    PLACES.map(([path, picture, name]) => h("a", { href: url(path), "data-nav": "" }, icon(picture), h("span", name()))),
  );
  balance = h("a.balance", { href: url("/account/tokens"), "aria-live": "polite" }, "…");
  fill(aside, balance);
  onMe((account) => account && fill(balance, account.tokens.unlimited ? t("Unlimited") : tokens(account.tokens.balance)));
}

const tokens = (count) => n("{count} token", "{count} tokens", count);
