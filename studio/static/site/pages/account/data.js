// A copy of everything, and the end of the account.

import { api, asking, forget, form, saveFile, template } from "../../studio.js";

export default async function data({ signal }) {
  const ask = () => api.request("GET", "/auth/me/export", { signal });
  const download = async () => {
    let response;
    while ((response = await ask()).status !== 200) {
      state.hidden = false;
      const seconds = Number(response.headers.get("Retry-After")) || 3;
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    }
    await saveFile(response);
    state.hidden = true;
  };
  const node = template("data", { download });
  const { state } = node.parts;
  return form(node, ({ password }) => asking("delete-account", () => remove(password))());
}

const remove = (password) => api.remove("/auth/me", password ? { password } : {}).then(forget);
