// Sign-in with Google by redirects (OpenID Connect Core 1.0, 3.2): no script of another host is needed.

import { api, url } from "../studio.js";

const KEY = "studio.google";

/** Go to Google; the person comes back to `/sign-in/google`. */
export function leaveForGoogle({ clientId, authorizationUrl, hostedDomain }, next) {
  const [state, nonce] = [api.newKey(), api.newKey()];
  sessionStorage.setItem(KEY, JSON.stringify({ state, nonce, next }));
  const question = new URLSearchParams({
    client_id: clientId,
    redirect_uri: location.origin + url("/sign-in/google"),
    response_type: "id_token",
    scope: "openid email",
    state,
    nonce,
    prompt: "select_account",
    ...(hostedDomain && { hd: hostedDomain }),
  });
  location.assign(`${authorizationUrl}?${question}`);
}

/** The ID token in the address, for the attempt that this tab began; raises for any other. */
export function backFromGoogle() {
  const response = new URLSearchParams(location.hash.slice(1));
  const attempt = JSON.parse(sessionStorage.getItem(KEY) ?? "{}");
  sessionStorage.removeItem(KEY);
  history.replaceState(null, "", location.pathname);
  const idToken = response.get("id_token");
  const isOurs = idToken && response.get("state") === attempt.state && claimsOf(idToken).nonce === attempt.nonce;
  if (!isOurs) throw new api.Refused(0, { code: "google_token_invalid" });
  return { idToken, next: attempt.next };
}

function claimsOf(idToken) {
  const [, payload = ""] = idToken.split(".");
  return JSON.parse(atob(payload.replace(/-/g, "+").replace(/_/g, "/")));
}
