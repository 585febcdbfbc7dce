// The page: sign in, choose a region, keep the board fresh, open what the address asks for.

import { Refused, ask, forget, hasToken, mayBeSignedIn, onOtherTabs, signOut, signedInByProvider, tokenFromAddress, whoAmI } from "./api.js";
import { drawBoard, drawHeader } from "./board.js";
import { closeDrawer, isOpen, keepWhatIsTyped, showDrawer } from "./drawer.js";
import { h, nowInShanghai } from "./dom.js";
import { watch } from "./live.js";
import { passwordView, providerRefusal, signInView } from "./signin.js";
import { forgetTyped, whoseOf } from "./typed.js";
import { readWork } from "./work.js";
import { say, switchLanguage, word } from "./words.js";
import "./officewords.js";
import "./uploadwords.js";
import "./whatifwords.js";

const FILES = { list: "behind", target: "targetpage", targets: "targetpage" }; // views whose files have another name
const REFRESH_MS = 10000;
const HEARD_MS = 60000; // what is not told of, such as a new day, is seen this soon
const CHECKS_MS = 60000;
const state = { me: null, why: null, regions: null, region: null, data: null, error: null, cutAt: null, timer: 0, checkedAt: 0, live: null, unwatch: null, told: 0, following: false, opened: null };
const board = document.getElementById("board");

/** A part of an address; what is no percent code stays as it is. */
function plain(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address after its #: / for the board, /VIEW/… for a view; region= in any of them. */
function route() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split("?");
  return { parts: path.split("/").filter(Boolean).map(plain), query: new URLSearchParams(query) };
}

function regionOf(query) {
  const listed = state.regions.regions;
  const asked = query.get("region") || sessionStorage.getItem("hallpulse-region");
  const chosen = listed.find((one) => one.region === asked) || listed.find((one) => one.plan) || listed[0];
  return chosen || null;
}

async function start(me) {
  tokenFromAddress();
  signedInByProvider();
  const refused = providerRefusal();
  if (refused && !state.me) return askWho(refused);
  if (!me && !mayBeSignedIn()) return askWho();
  board.replaceChildren(h("p", { class: "notice" }, say("loading")));
  try {
    state.me = me && me.role ? me : await whoAmI();
    if (state.me.one_time) return askForPassword();
    state.region = null;
    state.regions = await ask("/v1/regions");
  } catch (error) {
    return refusedOr(error, (why) => board.replaceChildren(failure(why, () => start())));
  }
  return follow();
}

function atTheDoor({ view, first }) {
  clearTimeout(state.timer);
  unwatch();
  closeDrawer();
  Object.assign(state, { data: null, region: null }); // what was asked before is not drawn over the door
  drawHeader(null, tools());
  board.replaceChildren(view);
  first.focus();
}

/** why(): what ended the last time, in the language of the page; null where nothing did. */
function askWho(why = null) {
  Object.assign(state, { me: null, why });
  atTheDoor(signInView(start, why));
}

/** The same door in another language: the name that was typed stays. */
function askAgain() {
  const typed = document.getElementById("name").value;
  askWho(state.why);
  document.getElementById("name").value = typed;
}

function askForPassword() {
  atTheDoor(passwordView(state.me, start));
}

function refusedOr(error, otherwise) {
  if (error instanceof Refused && error.status === 401) {
    const why = hasToken() ? "badToken" : "sessionEnded";
    forget();
    return askWho(() => say(why));
  }
  return otherwise(error.message);
}

function failure(why, again) {
  return h("div", { class: "notice" }, h("p", {}, say("failed", { why })), h("button", { type: "button", onclick: again }, say("retry")));
}

async function follow() {
  const { query } = route();
  const region = regionOf(query);
  if (!region) return board.replaceChildren(h("p", { class: "notice" }, say("noRegion")));
  const changed = !state.region || state.region.region !== region.region;
  state.region = region;
  sessionStorage.setItem("hallpulse-region", region.region);
  if (changed) {
    Object.assign(state, { data: null, opened: null });
    watchRegion();
    await refresh();
    if (state.opened === location.hash) return undefined; // another address was followed meanwhile
  }
  return openAsked();
}

async function openAsked() {
  const asked = location.hash;
  state.opened = asked;
  const { parts, query } = route();
  const view = await viewOf(parts[0] || "");
  if (asked !== location.hash) return undefined;
  if (!view || (view.needsBoard && !state.data)) {
    state.opened = null;
    return closeDrawer();
  }
  return showDrawer((drawer) => view.show(drawer, context(), parts.slice(1), query), whoseOf(state.me));
}

/**
 * The view of an address: what the file of its first word exports as `view`, { show(drawer, context, parts, query),
 * needsBoard: whether it draws what the board has read }; null for words that are no view.
 */
async function viewOf(name) {
  if (!/^[a-z]+$/.test(name)) return null;
  const file = await import(`./${FILES[name] || name}.js`).catch(() => ({}));
  return file.view || null;
}

/** All that views need to know. */
function context() {
  const { me, regions, region, data, live, cutAt } = state;
  return { me, regions, region, data, live, cutAt, hall: regions.hall, department: regions.department };
}

/** A hall's or a department's token reads its own figures; who reads the region reads all of it. */
async function readBoard(look) {
  const { region, hall, department } = context();
  const scope = { region: region.region, hall, department };
  const whole = !hall && !department;
  const none = Promise.resolve(null);
  const get = (path, parameters) => ask(path, parameters, look);
  const [indicators, targets, departments, trend, suite, work] = await Promise.all([
    get("/v1/indicators", scope),
    whole ? get("/v1/targets", { region: region.region }) : none,
    whole ? get("/v1/departments", { region: region.region }) : none,
    whole && region.plan ? get("/v1/trend", { region: region.region }) : none,
    get("/v1/suite").catch(() => null),
    readWork(context(), get).catch(() => null),
  ]);
  const integrity = state.data && state.data.integrity;
  return { indicators, targets, departments, trend, suite, work, integrity };
}

/** The checks look at every case of the year: once a minute is enough, and the board does not wait for them. */
async function readChecks(asked) {
  const { region, hall, department } = context();
  if (state.data.integrity && Date.now() - state.checkedAt < CHECKS_MS) return;
  state.checkedAt = Date.now();
  const integrity = await ask("/v1/integrity", { region: region.region, hall, department }).catch(() => null);
  if (!integrity || asked !== state.region || !state.data) return;
  const first = !state.data.integrity;
  state.data.integrity = integrity;
  draw();
  if (first && route().parts[0] === "check") openAsked();
}

async function refresh(look = null) {
  clearTimeout(state.timer);
  if (!state.region || !state.me) return;
  const asked = state.region;
  try {
    const data = await readBoard(look);
    if (asked !== state.region) return;
    Object.assign(state, { data, error: null, cutAt: null });
  } catch (error) {
    if (asked !== state.region) return;
    if (error instanceof Refused && error.status === 401) return refusedOr(error);
    Object.assign(state, { error: error.message, cutAt: state.cutAt || nowInShanghai() });
  }
  draw();
  if (state.data) readChecks(asked);
  askAgainIn(state.live && !state.cutAt ? HEARD_MS : REFRESH_MS);
}

function askAgainIn(milliseconds) {
  clearTimeout(state.timer);
  state.timer = setTimeout(() => (document.hidden ? undefined : refresh()), milliseconds);
}

function unwatch() {
  if (state.unwatch) state.unwatch();
  Object.assign(state, { unwatch: null, live: null });
}

/** Read until nothing was told since. */
async function catchUp() {
  let read = null;
  while (state.unwatch && read !== state.told) {
    read = state.told;
    await refresh(read);
  }
  state.following = false;
}

/** Be told of changes; while nothing is heard the page asks by itself. A page that no one sees is told nothing. */
function watchRegion() {
  unwatch();
  if (document.hidden || !state.region || !state.me) return;
  state.unwatch = watch(state.region.region, {
    status: (live) => {
      const first = !state.live;
      state.live = live;
      if (state.data) draw();
      if (first && state.data) refresh();
    },
    changed: ({ look, within }) => {
      state.told = look;
      if (!state.following) setTimeout(catchUp, Math.random() * within);
      state.following = true;
    },
    lost: () => {
      state.live = null;
      if (state.data) draw();
      askAgainIn(Math.random() * REFRESH_MS);
    },
  });
}

function draw() {
  drawHeader(context(), tools());
  if (state.data) drawBoard(board, context());
  else board.replaceChildren(failure(state.error, () => refresh()));
}

function tools() {
  const language = h("button", { type: "button", class: "quiet", onclick: () => { switchLanguage(); again(); } }, say("language"));
  const theme = h("button", { type: "button", class: "quiet", "aria-label": say("theme"), title: say("theme"), onclick: switchTheme }, "◐");
  const who = state.me && state.me.name ? h("button", { type: "button", class: "quiet who", title: say("changePassword"), onclick: askForPassword }, `${state.me.person} · ${word("role", state.me.role)}`) : null;
  const leave = state.me ? h("button", { type: "button", class: "quiet", onclick: leaveNow }, say("leave")) : null;
  const alerts = state.me && state.me.may.includes("alerts") ? h("a", { class: "quiet", href: "#/alerts" }, say("alerts")) : null;
  const matters = state.me && state.me.may.includes("supervised") ? h("a", { class: "quiet", href: "#/matters" }, say("supervision")) : null;
  const uploads = state.me && state.me.may.includes("import") ? h("a", { class: "quiet", href: "#/upload" }, say("upload")) : null;
  const trial = state.me && state.me.may.includes("what_if") ? h("a", { class: "quiet", href: "#/whatif" }, say("whatIf")) : null;
  const whole = state.me && !state.me.one_time && state.regions && !state.regions.department && !state.regions.hall;
  const reports = whole ? h("a", { class: "quiet", href: "#/reports" }, say("reportsOf")) : null;
  const audit = state.me && state.me.may.includes("audit") ? h("a", { class: "quiet", href: "#/audit" }, say("auditOf")) : null;
  return [matters, trial, uploads, reports, alerts, audit, who, language, theme, leave];
}

/** Signs out here, and where the provider offers it there too. */
async function leaveNow() {
  const leaveAt = await signOut();
  forgetTyped();
  location.hash = "#/";
  askWho();
  if (leaveAt) location.assign(leaveAt);
}

function again() {
  document.documentElement.lang = say("language") === "English" ? "zh-CN" : "en";
  if (!state.me) return askAgain();
  if (state.me.one_time) return askForPassword();
  keepWhatIsTyped();
  if (state.data) draw();
  return isOpen() ? openAsked() : undefined;
}

function switchTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("hallpulse-theme", root.dataset.theme);
}

const theme = localStorage.getItem("hallpulse-theme");
if (theme) document.documentElement.dataset.theme = theme;
document.documentElement.lang = say("language") === "English" ? "zh-CN" : "en";
addEventListener("hashchange", () => (/[#?&]token=/.test(location.hash) ? start() : state.regions && state.me && follow()));
onOtherTabs(() => {
  keepWhatIsTyped();
  if (!mayBeSignedIn()) return askWho(() => say("sessionEnded"));
  state.me = null; // it may be someone else now
  return start();
});
document.addEventListener("visibilitychange", () => {
  if (!state.data) return;
  watchRegion();
  if (!document.hidden) refresh();
});
start();
