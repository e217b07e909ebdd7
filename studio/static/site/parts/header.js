// The header, which the server renders for guests and for users: the balance, and which of the two is shown.

import { fill, onChange, onMe, tokens } from "../studio.js";

const balance = document.querySelector(".balance");

export function start() {
  onChange((isIn) => document.documentElement.classList.toggle("signed-in", isIn));
  onMe((account) => fill(balance, account ? tokens(account.tokens) : "…"));
}
