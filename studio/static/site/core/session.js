// The session's tokens, in localStorage for all tabs (why: docs/frontend.md).

import { API } from "./page.js";

const KEY = "studio.session";
const EARLY_MS = 30_000; // a request takes time
const listeners = new Set();

export const read = () => JSON.parse(localStorage.getItem(KEY));

export const isSignedIn = () => read() !== null;

/** Call the function when the session begins or ends, in any tab. */
export const onChange = (listener) => listeners.add(listener);

let wasSignedIn = isSignedIn();

function changed() {
  if (wasSignedIn === isSignedIn()) return;
  wasSignedIn = !wasSignedIn;
  listeners.forEach((listener) => listener(wasSignedIn));
}

export function begin({ access, refresh, expiresIn }) {
  const id = read()?.id ?? access; // until sign-out
  localStorage.setItem(KEY, JSON.stringify({ id, access, refresh, expiresAt: Date.now() + expiresIn * 1000 }));
  changed();
}

/** Forget the tokens here. */
export function forget() {
  localStorage.removeItem(KEY);
  changed();
}

/** Sign out here; without a network, the server's session lasts until it expires. */
export async function end() {
  const refresh = read()?.refresh;
  forget();
  await post("/auth/token/revoke", { refresh }).catch(() => null);
}

/** An access token that works, refreshed if it must be; null if there is no session. */
export async function accessToken() {
  const session = read();
  if (!session) return null;
  return session.expiresAt - Date.now() > EARLY_MS ? session.access : refreshed(session.access);
}

/** The token after a refused one, if there is any. One tab at a time refreshes: each refresh token works once. */
export const refreshed = (refused, hasExpired = true) =>
  locked(async () => {
    const isStored = () => read()?.access === refused; // false: another tab was faster
    if (hasExpired && isStored()) {
      const response = await post("/auth/token/refresh", { refresh: read().refresh });
      const pair = await response.json().catch(() => null);
      if (response.ok && isStored()) begin(pair);
      else if (![200, 400, 401, 403].includes(response.status)) throw Error(response.status); // the session stays
    }
    if (isStored()) forget();
    return read()?.access;
  });

// Without HTTPS, the server gives two tabs the same pair (REFRESH_REUSE_SECONDS).
const locked = (work) => (navigator.locks ? navigator.locks.request("studio.refresh", work) : work());

const post = (path, body) =>
  fetch(API + path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });

addEventListener("storage", changed);
addEventListener("pageshow", changed); // from the browser's cache
