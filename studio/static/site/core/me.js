// The caller's account, as the header and the forms show it.

import * as api from "./api.js";
import { isSignedIn, onChange } from "./session.js";

const listeners = new Set();
let current = null;
let request = null;

/** Call the function with the account, now if it is known, and whenever it changes. */
export function onMe(listener, signal) {
  listeners.add(listener);
  signal?.addEventListener("abort", () => listeners.delete(listener));
  if (current) listener(current);
}

/** Read the account; at the same time once only. */
export function reload() {
  request ??= api.get("/auth/me").finally(() => (request = null));
  const known = request.then(know);
  known.catch(() => null); // a caller need not wait
  return known;
}

/** Show this account, which a response has brought. */
export function know(account) {
  current = account;
  listeners.forEach((listener) => listener(account));
  return account;
}

onChange((isIn) => {
  if (isIn) reload();
  else know(null);
});
if (isSignedIn()) reload();
