// The wall: the few large figures, the targets and the last alerts, for a screen that nobody touches.

import { ask, tokenFromAddress } from "./api.js";
import { clockTime, h, shown, whole } from "./dom.js";
import { SIGNS, TARGET_STATES, stateWord } from "./states.js";
import { troublesInWords, watch } from "./live.js";
import { named, say, word } from "./words.js";

const READ_MS = 10000;
const HEARD_MS = 30000;
const TURN_MS = 15000;
const STALE_MS = 60000;
const RESTART_MS = 6 * 3600000;
const ROWS = 8;
const ALERTS = 6;
const wall = document.getElementById("wall");
const state = { region: null, data: null, readAt: 0, turn: 0, why: "", live: null, watching: false, timer: 0 };

async function read() {
  const regions = await ask("/v1/regions");
  const asked = new URLSearchParams(location.search).get("region");
  const region = regions.regions.find((one) => one.region === asked) || regions.regions.find((one) => one.plan) || regions.regions[0];
  if (!region) throw new Error(say("noRegion"));
  const scope = { region: region.region };
  const [indicators, targets, alerts] = await Promise.all([ask("/v1/indicators", scope), ask("/v1/targets", scope), ask("/v1/alerts", scope).catch(() => null)]);
  Object.assign(state, { region, data: { indicators, targets, alerts }, readAt: Date.now(), why: "" });
}

async function refresh() {
  clearTimeout(state.timer);
  try {
    await read();
    follow();
  } catch (error) {
    state.why = error.message;
  }
  draw();
  state.timer = setTimeout(refresh, state.live ? HEARD_MS : READ_MS);
}

/** Be told of changes once it is known of which region. */
function follow() {
  if (state.watching) return;
  state.watching = true;
  watch(state.region.region, {
    status: (live) => { state.live = live; draw(); },
    changed: ({ within }) => {
      clearTimeout(state.timer);
      state.timer = setTimeout(refresh, Math.random() * within);
    },
    lost: () => { state.live = null; draw(); },
  });
}

/** What keeps the wall from being right: old figures, or what halls send is not being stored. */
function warning() {
  if (Date.now() - state.readAt > STALE_MS) return say("staleSince", { at: clockTime(state.data.indicators.as_of) });
  const [first, ...others] = state.live ? troublesInWords(state.live.troubles) : [];
  return first && others.length ? `${first} +${others.length}` : first || "";
}

function draw() {
  if (!state.data) return wall.replaceChildren(h("p", { class: "door" }, state.why ? `${say("failed", { why: state.why })} · ${say("wallDoor")}` : say("loading")));
  const { indicators, targets } = state.data;
  const wrong = warning();
  document.title = titleOf();
  return wall.replaceChildren(
    h("header", {}, h("h1", {}, titleOf()), h("p", { class: "stale", role: "alert", hidden: !wrong }, wrong), h("time", {}, clockTime(indicators.as_of))),
    large(targets.targets, indicators.open_cases),
    h("div", { class: "lists" }, targetList(targets.targets), alertList()),
  );
}

const titleOf = () => (state.region.plan ? named(state.region.plan.names) : state.region.names ? named(state.region.names) : state.region.region);

function large(targets, open) {
  const count = (wanted) => targets.filter((one) => wanted.includes(one.state)).length;
  const tile = (kind, number, text) => h("div", { class: `is-${kind}` }, h("strong", {}, whole(number)), h("span", {}, text));
  return h(
    "div",
    { class: "large" },
    tile("met", count(["met"]), stateWord("met")),
    tile("on_pace", count(["on_pace"]), stateWord("on_pace")),
    tile("missed", count(["behind", "missed"]), say("whatIsShort")),
    tile("overdue", open.overdue, word("open", "overdue")),
    tile("due_soon", open.due_soon, word("open", "due_soon")),
  );
}

/** As many targets as fit; the next ones take their turn. */
function targetList(targets) {
  const sorted = [...targets].sort((a, b) => TARGET_STATES.indexOf(a.state) - TARGET_STATES.indexOf(b.state));
  const pages = Math.max(1, Math.ceil(sorted.length / ROWS));
  const page = state.turn % pages;
  const part = sorted.slice(page * ROWS, page * ROWS + ROWS);
  return h(
    "section",
    {},
    h("h2", {}, `${say("targets")}${pages > 1 ? ` ${page + 1}/${pages}` : ""}`),
    h("ul", { style: { "--rows": String(ROWS) } }, part.map((one) => h("li", { class: `is-${one.state}` }, h("b", { "aria-hidden": "true" }, SIGNS[one.state]), h("span", { class: "name" }, named(one.names)), h("strong", {}, shown(one.value, one.unit)), h("small", {}, `${say("goal")} ${shown(one.goal, one.unit)} · ${stateWord(one.state)}`)))),
  );
}

function alertList() {
  const found = state.data.alerts ? [...state.data.alerts.alerts].reverse() : [];
  return h(
    "section",
    {},
    h("h2", {}, state.data.alerts ? `${say("alertsNow")} ${whole(found.length)}` : say("alertsUnknown")),
    h("ul", { style: { "--rows": String(ALERTS) } }, found.slice(0, ALERTS).map((one) => h("li", { class: `is-${one.severity}` }, h("b", { "aria-hidden": "true" }, one.severity === "critical" ? "✕" : "▲"), h("span", { class: "name" }, one.annotations.summary || one.alert), h("small", {}, clockTime(one.started).slice(5))))),
  );
}

tokenFromAddress();
refresh();
setInterval(() => { state.turn += 1; draw(); }, TURN_MS);
setTimeout(() => location.reload(), RESTART_MS);
