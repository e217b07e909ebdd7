// A copy of everything, and the end of the account.

import { api, asking, forget, form, saveAs, t, template } from "../../studio.js";

export default async function data({ signal }) {
  const download = async () => {
    let response = await api.request("GET", "/auth/me/export", { signal });
    while (response.status !== 200) {
      state.textContent = t("Being prepared …");
      await new Promise((resolve) => setTimeout(resolve, 1000 * (Number(response.headers.get("Retry-After")) || 3)));
      response = await api.request("GET", "/auth/me/export", { signal });
    }
    await saveAs(response, "account.zip");
    state.textContent = t("The file is saved.");
  };
  const node = template("data", { download });
  const { state } = node.parts;
  return form(node, ({ password }) => asking("delete-account", () => remove(password))());
}

async function remove(password) {
  await api.remove("/auth/me", password ? { password } : {});
  forget();
}
