// The start: the header, the languages, and the pages by their addresses (studio/site/urls.py has the same).

import "./core/me.js";
import { again, start } from "./core/router.js";
import { onChange } from "./core/session.js";
import * as header from "./parts/header.js";

const ID = "([0-9a-fA-F-]{36})";
const account = () => import("./pages/account.js");
const password = () => import("./pages/password.js");
const signIn = () => import("./pages/sign-in.js");

const ROUTES = [
  [/^\/$/, () => import("./pages/landing.js"), "guest"],
  [/^\/(?:sign-in|register)$/, signIn, "guest"],
  [/^\/sign-in\/google$/, signIn, "all"],
  [/^\/(?:forgot-password|reset-password|verify-email)$/, password, "all"],
  [/^\/looks$/, () => import("./pages/looks.js"), "user"],
  [/^\/looks\/new$/, () => import("./pages/look-form.js"), "user"],
  [new RegExp(`^/looks/${ID}$`), () => import("./pages/look.js"), "user"],
  [/^\/videos$/, () => import("./pages/videos.js"), "user"],
  [new RegExp(`^/videos/${ID}$`), () => import("./pages/video.js"), "user"],
  [/^\/create$/, () => import("./pages/create.js"), "user"],
  [/^\/account(?:\/(tokens|sessions|keys|webhooks|data))?$/, account, "user"],
];

header.start();
start(ROUTES);
onChange((isIn) => isIn || again());

const languages = document.getElementById("language");
languages.addEventListener("change", () => {
  const { base, cookie } = languages.dataset;
  document.cookie = `${cookie}=${languages.value}; path=${base}/; max-age=31536000; samesite=lax`;
  location.reload();
});
