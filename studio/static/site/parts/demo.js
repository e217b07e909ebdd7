// The demo account of a development server: signing in to it, and filling an empty account with its data.

import { api, reload, t } from "../core.js";
import { button, notify } from "./notice.js";

const ASK_AGAIN_MS = 3000;
const TIMES = 20; // the videos take most of a minute

let known = null;

/** How this server lets people sign in; see `GET /auth/methods`. */
export const options = () => (known ??= api.get("/auth/methods", { anonymous: true }));

/** A button that fills the account, in development; `show()` is called while the data arrives and the page is shown. */
export async function demoButton(show, signal) {
  const fill = async () => {
    await api.post("/auth/me/demo");
    notify(t("Looks and videos are being added, one by one."));
    for (let time = 0; time < TIMES && !signal.aborted; time += 1) {
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
      if (!signal.aborted) await show();
    }
    reload();
  };
  return (await options()).demo ? button(t("Fill with demo data"), fill, "button.quiet") : null;
}
