// A copy of everything, and the end of the account.

import { api, forget, h, t } from "../../core.js";
import { button, confirm, field, form, input, saveAs } from "../../parts.js";

export default async function data({ signal }) {
  const state = h("p.soft", { role: "status" });
  const download = async () => {
    for (;;) {
      const response = await api.request("GET", "/auth/me/export", { signal });
      if (response.status === 200) {
        await saveAs(response, "account.zip");
        break;
      }
      state.textContent = t("Being prepared …");
      await new Promise((resolve) => setTimeout(resolve, 1000 * (Number(response.headers.get("Retry-After")) || 3)));
    }
    state.textContent = t("The file is saved.");
  };
  return [
    h("section.panel",
      h("h2", t("Your data")),
      h("p", t("One file with the account, its looks, videos, tokens and sign-ins.")),
      h("p", button(t("Download"), download, "button.quiet")),
      state,
    ),
    h("section.panel", h("h2", t("Delete the account")), deletion()),
  ];
}

function deletion() {
  const fields = {
    password: field(t("Password"), input("password", { type: "password", autocomplete: "current-password" }), {
      hint: t("Not needed within 10 minutes of a sign-in."),
    }),
  };
  const send = async ({ password }) => {
    const text = t("Looks, videos and files are removed for good, and every session and key ends.");
    if (!(await confirm({ title: t("Delete the account?"), text, yes: t("Delete the account") }))) return;
    await api.remove("/auth/me", password ? { password } : {});
    forget();
  };
  const node = form({ fields, submit: t("Delete the account"), send });
  node.button.classList.add("harmful");
  return node;
}
