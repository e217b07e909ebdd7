// Requests to the API. Every refusal becomes an error with its code, which `refusals.js` puts into words.

import { API } from "./page.js";
import { accessToken, read, refreshed } from "./session.js";

const TIMEOUT_MS = 60_000;

/** A response of 400 or more; without any the status is 0, the code `offline`. */
export class Refused extends Error {
  constructor(status, body, retryAfter = 0) {
    super(body.detail ?? `Status ${status}`);
    Object.assign(this, { code: "server_error", errors: {}, ...body, status, retryAfter });
  }
}

/** The response to a request with the session's token, refreshed if it has expired. Raises Refused. */
export async function request(method, path, { json, key, headers, signal, anonymous = false } = {}) {
  const send = async (token) => {
    const response = await fetch(API + path, {
      method,
      body: json && JSON.stringify(json),
      headers: { ...(json && { "Content-Type": "application/json" }), ...headersOf(token, key), ...headers },
      signal: signal ?? AbortSignal.timeout(TIMEOUT_MS),
    }).catch(offline);
    return accepted(response);
  };
  return anonymous ? send(null) : withToken(send);
}

const headersOf = (token, key) => ({
  ...(token && { Authorization: `Bearer ${token}` }),
  ...(key && { "Idempotency-Key": key }),
});

async function withToken(send) {
  const id = read()?.id;
  const token = await accessToken().catch(offline);
  try {
    return await send(token);
  } catch (error) {
    if (error.status !== 401) throw error;
    const newer = await refreshed(token, error.code === "token_expired").catch(offline);
    if (!newer || read().id !== id) throw error; // not as another person
    return send(newer);
  }
}

function offline(error) {
  if (error.name === "AbortError") throw error;
  throw new Refused(0, { code: "offline" });
}

async function accepted(response) {
  if (response.ok || response.status === 304) return response;
  const body = await response.json().catch(() => ({}));
  throw new Refused(response.status, body, Number(response.headers.get("Retry-After")) || 0);
}

const jsonOf = async (response) => (response.status === 204 ? null : response.json());

const sending = (method) => async (path, json, options) => jsonOf(await request(method, path, { json, ...options }));

export const get = async (path, options) => jsonOf(await request("GET", path, options));
export const [post, patch, remove] = ["POST", "PATCH", "DELETE"].map(sending);
export const postAsGuest = (path, json) => post(path, json, { anonymous: true });

/**
 * A function that sends a form with files. What it creates is created once: after a lost response it sends the same key
 * again, after a refusal a new one. `onProgress` gets the share that is sent, 0 to 1.
 */
export function uploader() {
  let key = newKey();
  return async (method, path, form, onProgress = () => {}) => {
    const send = (token) =>
      new Promise((resolve, reject) => {
        const xhr = new XMLHttpRequest();
        xhr.open(method, API + path);
        xhr.timeout = 10 * TIMEOUT_MS;
        for (const header of Object.entries(headersOf(token, key))) xhr.setRequestHeader(...header);
        xhr.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
        xhr.onload = () => {
          const headers = { "Retry-After": xhr.getResponseHeader("Retry-After") ?? "" };
          resolve(new Response(xhr.response, { status: xhr.status, headers }));
        };
        xhr.onerror = xhr.ontimeout = reject;
        xhr.send(form);
      })
        .catch(offline)
        .then(accepted);
    try {
      return await jsonOf(await withToken(send));
    } catch (error) {
      if (error.status >= 400 && error.status < 500) key = newKey();
      throw error;
    }
  };
}

/** A `key` of one order. (`crypto.randomUUID` needs HTTPS.) */
export const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16)).join("-");
