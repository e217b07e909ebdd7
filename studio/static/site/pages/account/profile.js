// Name, address and password.

import { api, begin, end, form, know, reload, template } from "../../studio.js";

export default async function profile() {
  const [account, offers] = await Promise.all([reload(), api.get("/auth/methods", { anonymous: true })]);
  const node = template("profile", {
    email: account.email,
    verified: account.emailVerified,
    verify: !account.emailVerified && offers.mail,
    unverified: !account.emailVerified && !offers.mail,
    signOut: end,
  });
  const { person, password } = node.parts;
  form(person, async (values) => know(await api.patch("/auth/me", values)), account);
  form(password, changePassword);
  return node;
}

async function changePassword({ currentPassword, newPassword }) {
  begin(await api.post("/auth/password", { newPassword, ...(currentPassword && { currentPassword }) }));
}
