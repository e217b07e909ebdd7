// The header, the languages, and the pages by their addresses (as in studio/site/urls.py).

import { again, fill, onChange, onMe, start, tokens } from "./studio.js";

const ID = "([0-9a-fA-F-]{36})";
// The paths, the module in pages/, and who sees the page: a user, a guest, or all.
const ROUTES = [
  ["/", "landing", "guest"],
  ["/sign-in|/register", "sign-in", "guest"],
  ["/sign-in/google", "sign-in", "all"],
  ["/forgot-password|/reset-password|/verify-email", "password", "all"],
  ["/looks", "looks", "user"],
  ["/looks/new", "look-form", "user"],
  [`/looks/${ID}`, "look", "user"],
  ["/videos", "videos", "user"],
  [`/videos/${ID}`, "video", "user"],
  ["/create", "create", "user"],
  ["/account(?:/(tokens|sessions|keys|webhooks|data))?", "account", "user"],
];

const balance = document.querySelector(".balance");
onMe((account) => fill(balance, account ? tokens(account.tokens) : "…"));

start(ROUTES);
onChange(again);

const languages = document.getElementById("language");
languages.addEventListener("change", () => {
  const { base, cookie } = languages.dataset;
  document.cookie = `${cookie}=${languages.value}; path=${base}/; max-age=31536000; samesite=lax`;
  location.reload();
});
