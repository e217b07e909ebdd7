// The header, which the server renders for guests and for users: the balance, and which of the two is shown.

import { fill, onChange, onMe, tokens } from "../core.js";

const balance = document.querySelector(".balance");

/** Keep the header up to date. */
export function start() {
  onChange((isIn) => document.documentElement.classList.toggle("signed-in", isIn));
  onMe((account) => fill(balance, account ? tokens(account.tokens) : "…"));
}
