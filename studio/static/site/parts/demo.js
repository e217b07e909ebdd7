// Fills an empty account with demo data.

import { api, notify, reload, t } from "../studio.js";

const ASK_AGAIN_MS = 3000;
const TIMES = 20; // the videos take most of a minute

/** The work of the button that fills the account; `show()` is called while the data arrives and the page is shown. */
export const fillWithDemo = (show, signal) => async () => {
  await api.post("/auth/me/demo");
  notify(t("Looks and videos are being added, one by one."));
  for (let time = 0; time < TIMES && !signal.aborted; time += 1) {
    await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    if (!signal.aborted) await show();
  }
  reload();
};
