// Name, address and password.

import { api, begin, end, know, notify, partsOf, reload, t, template } from "../../core.js";
import { form } from "../../parts.js";

export default async function profile() {
  const [account, offers] = await Promise.all([reload(), api.get("/auth/methods", { anonymous: true })]);
  const node = template("profile", {
    email: account.email,
    verified: account.emailVerified,
    verify: !account.emailVerified && offers.mail,
    unverified: !account.emailVerified && !offers.mail,
    signOut: end,
  });
  const { person, password } = partsOf(node);
  form(person, savePerson, { values: { name: account.name }, isOnce: true });
  form(password, changePassword);
  return node;
}

async function savePerson(values) {
  know(await api.patch("/auth/me", values));
  notify(t("Saved."));
}

async function changePassword({ currentPassword, newPassword }) {
  begin(await api.post("/auth/password", { newPassword, ...(currentPassword && { currentPassword }) }));
  notify(t("The password is changed. All other sessions have ended."));
}
