// The wall: the few large figures, the targets, the map or ranking and the last alerts, for a screen that no one touches.

import { ask, tokenFromAddress } from "./api.js";
import { alertText } from "./alerts.js";
import { ranked } from "./compare.js";
import { clockTime, h, shown, whole } from "./dom.js";
import { STEPS, shadesOf } from "./shades.js";
import { boundariesOf, drawMap, drawable } from "./map.js";
import { OPEN_STATES, SIGNS, TARGET_STATES, stateWord } from "./states.js";
import { troublesInWords, watch } from "./live.js";
import { inChinese, named, say, switchLanguage, word } from "./words.js";
import "./lookwords.js";

const READ_MS = 10000;
const HEARD_MS = 30000;
const STANDING_MS = 60000; // sums over all that lies below a region take the database longer
const TURN_MS = 15000;
const STALE_MS = 60000;
const STUCK_MS = 300000; // without any answer for this long the wall loads itself again
const RESTART_MS = 6 * 3600000;
const TRY_MS = 30000;
const TARGETS = 6;
const PLACES = 6;
const LONG = 9;
const ALERTS = 2;
const COMPARED = ["due_kept_rate", "promise_kept_rate", "instant_case_share", "full_process_acceptance_rate", "satisfaction"];
const wall = document.getElementById("wall");
const state = { region: null, data: null, standing: null, standingAt: 0, readAt: Date.now(), turn: 0, why: "", live: null, watching: false, timer: 0, began: Date.now() };

async function read() {
  const regions = await ask("/v1/regions");
  const asked = new URLSearchParams(location.search).get("region");
  const region = regions.regions.find((one) => one.region === asked) || regions.regions.find((one) => one.plan) || regions.regions[0];
  if (!region) throw new Error(say("noRegion"));
  const scope = { region: region.region };
  const [indicators, targets, alerts] = await Promise.all([ask("/v1/indicators", scope), ask("/v1/targets", scope), ask("/v1/alerts", scope).catch(() => null)]);
  Object.assign(state, { region, data: { indicators, targets, alerts }, readAt: Date.now(), why: "" });
}

/**
 * What is compared: the halls of a county on its map, else its departments, else its halls; the regions below any other.
 * { areas, rows: [{ child, figure }] by indicator, indicators }
 */
async function readStanding() {
  if (state.standing && Date.now() - state.standingAt < STANDING_MS) return;
  const { region, level } = state.region;
  const { from, to, indicators } = state.data.indicators;
  const boundaries = await boundariesOf(region).catch(() => null);
  const areas = drawable(boundaries) ? boundaries.areas : null;
  const children = level === "county" && !areas ? await departmentsOf({ region, from, to }) : (await ask("/v1/reconciliation", { region, from, to })).children;
  const offered = COMPARED.map((id) => indicators.find((one) => one.id === id)).filter((one) => one && children.some((child) => child.values[one.id]?.enough && child.values[one.id].value !== null));
  Object.assign(state, { standing: { areas, children, offered }, standingAt: Date.now() });
}

/** The departments of a county, as what lies below a region. */
async function departmentsOf(asked) {
  const { departments } = await ask("/v1/departments", asked);
  return departments.map(({ id, names, indicators }) => ({ region: id, hall: null, names, values: Object.fromEntries(indicators.map((one) => [one.id, one])) }));
}

async function refresh() {
  clearTimeout(state.timer);
  try {
    await read();
    follow();
    draw();
    await readStanding();
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
  const [first, ...others] = state.live ? troublesInWords(state.live.troubles, state.region) : [];
  return first && others.length ? `${first} +${others.length}` : first || "";
}

function draw() {
  if (!state.data) return wall.replaceChildren(h("p", { class: "door" }, state.why ? `${say("failed", { why: state.why })} · ${say("wallDoor")}` : say("loading")));
  const { indicators, targets } = state.data;
  const wrong = warning();
  document.title = titleOf();
  const plot = h("div", { class: "plot" });
  const planned = targets.targets.length > 0;
  wall.replaceChildren(
    h("header", {}, h("h1", {}, titleOf()), h("p", { class: "stale", role: "alert", hidden: !wrong }, wrong), h("time", {}, clockTime(indicators.as_of))),
    planned ? large(targets.targets, indicators.open_cases) : openCases(indicators.open_cases),
    planned ? h("div", { class: "lists" }, targetList(targets.targets), standingPart(plot, PLACES), alertList()) : h("div", { class: "lists" }, ...comparedInstead(plot), alertList()),
  );
  return drawAreas(plot);
}

const titleOf = () => (state.region.plan ? named(state.region.plan.names) : state.region.names ? named(state.region.names) : state.region.region);

const tile = (kind, number, text) => h("div", { class: `is-${kind}` }, h("strong", {}, whole(number)), h("span", {}, text));
const openCases = (open) => h("div", { class: "large" }, OPEN_STATES.map((state) => tile(state, open[state], word("open", state))));

function large(targets, open) {
  const count = (wanted) => targets.filter((one) => wanted.includes(one.state)).length;
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

/** A part of a list that takes its turn, and which one it is: "2/3", or nothing where all of it fits. */
function inTurn(list, most) {
  const pages = Math.max(1, Math.ceil(list.length / most));
  const page = state.turn % pages;
  return { part: list.slice(page * most, page * most + most), which: pages > 1 ? ` ${page + 1}/${pages}` : "" };
}

function section(kind, title, rows, ...inside) {
  return h("section", { class: kind }, h("h2", {}, title), ...(rows ? [h("ul", { style: { "--rows": String(rows) } }, inside)] : inside));
}

const emptyWords = (key) => h("p", { class: "none" }, say(key));

/** As many targets as fit; the next ones take their turn. */
function targetList(targets) {
  const sorted = [...targets].sort((a, b) => TARGET_STATES.indexOf(a.state) - TARGET_STATES.indexOf(b.state));
  const { part, which } = inTurn(sorted, TARGETS);
  if (!part.length) return section("targets", say("targets"), 0, emptyWords("noPlan"));
  const sign = (one) => h("b", { "aria-hidden": "true" }, SIGNS[one.state]);
  const goal = (one) => h("small", {}, `${say("goal")} ${shown(one.goal, one.unit)} · ${stateWord(one.state)}`);
  return section("targets", `${say("targets")}${which}`, TARGETS, part.map((one) => h("li", { class: `is-${one.state}` }, sign(one), h("span", { class: "name" }, named(one.names)), h("span", { class: "reading" }, h("strong", {}, shown(one.value, one.unit)), goal(one)))));
}

/** One indicator after the other, and of each ranking one part after the other. most: rows that fit; 0 for a map. */
function standingNow(most) {
  const { children, offered } = state.standing;
  const turns = offered.flatMap((own) => {
    const rows = ranked(children, own).filter(({ figure }) => figure && figure.value !== null);
    const pages = most ? Math.max(1, Math.ceil(rows.length / most)) : 1;
    return Array.from({ length: pages }, (_, page) => ({ own, rows, part: rows.slice(page * most, page * most + most), which: pages > 1 ? ` ${page + 1}/${pages}` : "" }));
  });
  return turns.length ? turns[state.turn % turns.length] : null;
}

/** The map where there is one, else the ranking, of as many rows as fit. */
const standingPart = (plot, most) => (state.standing?.areas ? mapSection(plot) : rankingSection(most));

/** In the place of targets, where no plan is in force: map and ranking, or a long ranking. */
const comparedInstead = (plot) => (state.standing?.areas ? [mapSection(plot), rankingSection(PLACES)] : [rankingSection(LONG)]);

function rankingSection(most) {
  const now = state.standing && standingNow(most);
  if (!now) return section("standing", say("ranking"), 0, emptyWords(state.standing ? "nothing" : "loading"));
  return section("standing", `${say("ranking")} · ${named(now.own.names)}${now.which}`, most, now.part.map((row) => place(row, now)));
}

function mapSection(plot) {
  const now = standingNow(0);
  if (!now) return section("standing", say("mapShort"), 0, emptyWords("nothing"));
  const values = now.rows.filter(({ rank }) => rank).map(({ figure }) => figure.value);
  const ends = [Math.min(...values), Math.max(...values)].map((value) => h("span", {}, shown(value, now.own.unit)));
  const scale = values.length && h("span", { class: "scale" }, ends[0], h("span", { "aria-hidden": "true" }, Array.from({ length: STEPS }, (_, step) => h("i", { class: `step-${step + 1}` }))), ends[1]);
  return section("standing", [`${say("mapShort")} · ${named(now.own.names)}`, scale || null], 0, plot);
}

function place({ child, figure, rank }, { own, rows }) {
  const most = Math.max(...rows.map((one) => one.figure.value)) || 1;
  return h("li", {}, h("b", {}, rank ?? "◌"), h("span", { class: "name" }, named(child.names)), h("span", { class: "bar", "aria-hidden": "true" }, h("i", { style: { width: `${(figure.value / most) * 100}%` } })), h("strong", {}, shown(figure.value, own.unit)));
}

/** The map takes the room that is left for it on the screen. */
function drawAreas(plot) {
  if (!plot.isConnected) return;
  const { own, rows } = standingNow(0);
  const shade = shadesOf(rows.map(({ figure }) => figure), own.unit);
  const label = say("mapOf", { name: titleOf(), indicator: named(own.names) });
  const size = { width: plot.clientWidth, height: plot.clientHeight, font: unit() * 3 };
  if (size.width && size.height) plot.append(drawMap({ areas: state.standing.areas, rows, unit: own.unit, shade, label }, size).svg);
}

/** A hundredth of the screen's height, as in wall.css. */
const unit = () => Math.min(innerHeight / 100, innerWidth * 0.005625);

function alertList() {
  const found = state.data.alerts ? [...state.data.alerts.alerts].reverse() : [];
  const { part, which } = inTurn(found, ALERTS);
  const title = state.data.alerts ? `${say("alertsNow")} ${whole(found.length)}${which && ` ·${which}`}` : say("alertsUnknown");
  if (!part.length) return section("alerts", title, 0, state.data.alerts ? emptyWords("noAlerts") : "");
  return section("alerts", title, ALERTS, part.map((one) => h("li", { class: `is-${one.severity}` }, h("b", { "aria-hidden": "true" }, one.severity === "critical" ? "✕" : "▲"), h("span", { class: "name" }, h("small", {}, clockTime(one.started).slice(5)), " ", alertText(one)))));
}

/** Load the wall again every six hours, or when nothing was answered for long; only while the gateway is there to load it from. */
async function restart() {
  const due = Date.now() - state.began > RESTART_MS || Date.now() - state.readAt > STUCK_MS;
  if (!due) return;
  const there = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(5000) }).then((answer) => answer.ok, () => false);
  if (there) location.reload();
}

const language = new URLSearchParams(location.search).get("language");
if (language && (language === "en") === inChinese()) switchLanguage();
document.documentElement.lang = inChinese() ? "zh-CN" : "en";
tokenFromAddress();
refresh();
setInterval(() => { state.turn += 1; draw(); }, TURN_MS);
setInterval(restart, TRY_MS);
addEventListener("resize", () => state.data && draw());
