// The gateway's queries and what is posted to it, with the token that this tab keeps or the session's cookie.

import { inWords } from "./refusals.js";

const KEY = "hallpulse-token";
const SIGNED_IN = "hallpulse-signed-in"; // a hint only: the session itself is in a cookie that no script reads
const ATTENDED_MS = 60000;
let csrf = null;
let attendedAt = Date.now();

for (const event of ["pointerdown", "keydown", "wheel"]) addEventListener(event, () => { attendedAt = Date.now(); }, { passive: true });

export class Refused extends Error {
  constructor(status, problem) {
    super(inWords(status, problem));
    this.status = status;
    this.kind = (problem.type || "").replace("/problems#", "");
    this.field = problem.field || null;
    this.results = problem.results || null;
  }
}

/** A link may bring the token in the fragment, which no server ever sees; it is taken out at once, and the view stays. */
export function tokenFromAddress() {
  const found = /[#?&]token=([^&]+)/.exec(location.hash);
  if (!found) return;
  sessionStorage.setItem(KEY, decodeURIComponent(found[1]));
  const view = location.hash.startsWith("#/") ? location.hash.replace(/([?&])token=[^&]+&?/, "$1").replace(/[?&]$/, "") : "#/";
  history.replaceState(null, "", `${location.pathname}${location.search}${view}`);
}

export const hasToken = () => Boolean(sessionStorage.getItem(KEY));
export const keepToken = (token) => sessionStorage.setItem(KEY, token.trim());
export const mayBeSignedIn = () => hasToken() || Boolean(localStorage.getItem(SIGNED_IN));

/** Forget the token, or that someone is signed in; the session itself ends at the server. */
export function forget() {
  sessionStorage.removeItem(KEY);
  localStorage.removeItem(SIGNED_IN);
  csrf = null;
}

/** The way back from the provider of sign-ins leads here with the view to open; the session is in its cookie. */
export function signedInByProvider() {
  const found = /^#\/signed-in(\/.*)$/.exec(location.hash);
  if (!found) return;
  sessionStorage.removeItem(KEY);
  localStorage.setItem(SIGNED_IN, String(Date.now()));
  history.replaceState(null, "", `${location.pathname}${location.search}#${found[1]}`);
}

/** Who is signed in, or whose token this is. */
export async function whoAmI() {
  return known(await ask("/v1/session"));
}

export async function signIn(name, password) {
  sessionStorage.removeItem(KEY);
  return known(await tell("/v1/session", { name, password }), true);
}

export async function changePassword(old, fresh) {
  return known(await tell("/v1/session/password", { old, new: fresh }), true);
}

/**
 * Ends the session, if there is one; what cannot be ended now ends by itself, and this browser forgets it. Returns where
 * the session at the provider is ended, null where there is none.
 */
export async function signOut() {
  const ended = hasToken() ? null : await tell("/v1/session/end", {}).catch(() => null);
  forget();
  return ended && ended.leave_at;
}

/** fresh: a session that has just begun, of which the browser's other tabs are told by a changed entry. */
function known(me, fresh = false) {
  csrf = me.csrf;
  if (me.name && (fresh || !localStorage.getItem(SIGNED_IN))) localStorage.setItem(SIGNED_IN, String(Date.now()));
  return me;
}

/** changed(): another tab of this browser has signed someone in, or out; a tab with a token is not concerned. */
export function onOtherTabs(changed) {
  addEventListener("storage", (event) => {
    if (event.key === SIGNED_IN && !hasToken()) changed();
  });
}

function headers() {
  const token = sessionStorage.getItem(KEY);
  return {
    ...(token ? { authorization: `Bearer ${token}` } : {}),
    ...(Date.now() - attendedAt > ATTENDED_MS ? { "x-unattended": "1" } : {}),
  };
}

async function answerOf(response) {
  if (response.ok) return response.json();
  throw new Refused(response.status, await response.json().catch(() => ({})));
}

/**
 * The answer to a query. Raises Refused with the problem's own words. look: of the change because of which all pages
 * ask now; an answer that was made since is good enough then.
 */
export async function ask(path, parameters = {}, look = null) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const query = new URLSearchParams(given).toString();
  return answerOf(await fetch(query ? `${path}?${query}` : path, { headers: { ...headers(), ...(look === null ? {} : { "x-look": String(look) }) }, cache: "no-store" }));
}

/** The answer to a query that seldom changes: the browser keeps it, and asks whether it still holds. */
export async function askKept(path, parameters) {
  return answerOf(await fetch(`${path}?${new URLSearchParams(parameters)}`, { headers: headers(), cache: "no-cache" }));
}

/** Have the browser keep what a query answers with, under the name that the server gives it. */
export async function download(path, parameters = {}) {
  const response = await fetch(`${path}?${new URLSearchParams(parameters)}`, { headers: headers(), cache: "no-store" });
  if (!response.ok) throw new Refused(response.status, await response.json().catch(() => ({})));
  const name = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") || "")?.[1] || "hallpulse";
  const address = URL.createObjectURL(await response.blob());
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}

/** Post what changes something, and return the answer. Raises Refused as `ask` does. */
export async function tell(path, body) {
  const more = { "content-type": "application/json", ...(csrf ? { "x-csrf-token": csrf } : {}) };
  const answer = await answerOf(await fetch(path, { method: "POST", headers: { ...headers(), ...more }, body: JSON.stringify(body), cache: "no-store" }));
  document.dispatchEvent(new Event("hallpulse-sent"));
  return answer;
}

/** Send a file as it is, and return the answer. Raises Refused as `ask` does. */
export async function send(path, parameters, file) {
  const given = Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined);
  const more = { "content-type": "application/octet-stream", ...(csrf ? { "x-csrf-token": csrf } : {}) };
  const answer = await answerOf(await fetch(`${path}?${new URLSearchParams(given)}`, { method: "POST", headers: { ...headers(), ...more }, body: file, cache: "no-store" }));
  document.dispatchEvent(new Event("hallpulse-sent"));
  return answer;
}

/** Have the browser keep a file under the name that the server gives it. Raises Refused as `ask` does. */
export async function fetchFile(path, parameters) {
  const query = new URLSearchParams(parameters).toString();
  const response = await fetch(query ? `${path}?${query}` : path, { headers: headers(), cache: "no-store" });
  if (!response.ok) await answerOf(response);
  const name = /filename\*=UTF-8''([^;]+)/.exec(response.headers.get("content-disposition") || "");
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = name ? decodeURIComponent(name[1]) : "file";
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

/** Read a stream of server-sent events until it ends: take(event, data) for each. Raises Refused as `ask` does. */
export async function follow(path, parameters, take, signal) {
  const address = `${path}?${new URLSearchParams(parameters)}`;
  const response = await fetch(address, { headers: { ...headers(), accept: "text/event-stream", "x-unattended": "1" }, cache: "no-store", signal });
  if (!response.ok) return answerOf(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return undefined;
    const parts = (rest + value).split(/\r?\n\r?\n/);
    rest = parts.pop();
    for (const part of parts) takeOne(part, take);
  }
}

function takeOne(part, take) {
  const lines = part.split(/\r?\n/);
  const of = (name) => lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).trimStart()).join("\n");
  const data = of("data");
  take(of("event"), data ? JSON.parse(data) : null);
}
