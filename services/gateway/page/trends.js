// Any indicator by month: the region and departments of one's choice as charts of one scale, and as a table with files.

import { ask } from "./api.js";
import { trendChart } from "./chart.js";
import { h, shown, whole } from "./dom.js";
import { listPart } from "./list.js";
import { named, say } from "./words.js";
import "./trendwords.js";

const MOST = 8;
const CHART = { width: 760, height: 200 };
const COUNTINGS = ["alone", "so_far"];
const COUNTING_WORDS = { alone: "trendsAlone", so_far: "trendsSoFar" };

export const view = { needsBoard: true, show: (drawer, context, _, query) => showTrends(drawer, context, query) };

async function showTrends(drawer, context, query) {
  const offered = context.data.indicators.indicators;
  if (!offered.length) return drawer.draw(say("trendsTitle"), h("p", {}, say("trendsNothing")));
  const departments = context.data.departments ? context.data.departments.departments : [];
  const wanted = (query.get("departments") || "").split(",");
  const state = {
    turn: 0,
    indicator: (offered.find((one) => one.id === query.get("indicator")) || offered.find((one) => one.id === "due_kept_rate") || offered[0]).id,
    counting: COUNTINGS.includes(query.get("counting")) ? query.get("counting") : "alone",
    chosen: departments.map((one) => one.id).filter((id) => wanted.includes(id)).slice(0, MOST),
  };
  const part = h("div", { class: "heat" });
  const wrong = h("p", { class: "bad", role: "alert" });
  const change = async (more) => {
    Object.assign(state, more);
    keepAddress(state);
    wrong.textContent = "";
    await draw(part, context, state).catch((error) => { wrong.textContent = error.message; });
  };
  drawer.draw(say("trendsTitle"), choosers(state, offered, departments, change), wrong, part);
  return draw(part, context, state, query);
}

function keepAddress({ indicator, counting, chosen }) {
  const query = new URLSearchParams(location.hash.split("?")[1] || "");
  const values = { indicator, counting: counting === "alone" ? "" : counting, departments: chosen.join(",") };
  for (const [key, value] of Object.entries(values)) value ? query.set(key, value) : query.delete(key);
  history.replaceState(null, "", `#/trends?${query}`);
}

function choosers(state, offered, departments, change) {
  const indicator = h("select", { id: "trend-indicator", onchange: (event) => change({ indicator: event.target.value }) }, offered.map((one) => h("option", { value: one.id, selected: one.id === state.indicator }, named(one.names))));
  const counting = h("select", { id: "trend-counting", onchange: (event) => change({ counting: event.target.value }) }, COUNTINGS.map((one) => h("option", { value: one, selected: one === state.counting }, say(COUNTING_WORDS[one]))));
  return h(
    "div",
    { class: "listbar", role: "search", "aria-label": say("trendsTitle") },
    h("label", { for: "trend-indicator" }, say("trendsIndicator"), " ", indicator),
    h("label", { for: "trend-counting" }, say("trendsCounting"), " ", counting),
    departments.length ? departmentChoice(state, departments, change) : null,
  );
}

function departmentChoice(state, departments, change) {
  const count = h("span", {}, state.chosen.length ? ` (${state.chosen.length})` : "");
  const boxes = departments.map((one) => h("label", {}, h("input", { type: "checkbox", value: one.id, checked: state.chosen.includes(one.id), onchange: (event) => {
    const chosen = event.target.checked ? [...state.chosen, one.id] : state.chosen.filter((id) => id !== one.id);
    if (chosen.length > MOST) event.target.checked = false;
    else change({ chosen });
    count.textContent = state.chosen.length ? ` (${state.chosen.length})` : "";
  } }), " ", named(one.names)));
  return h("details", { class: "choice" }, h("summary", {}, say("trendsDepartments"), count), h("div", {}, h("p", { class: "hint" }, say("trendsMost", { n: MOST })), boxes));
}

async function draw(part, context, state, query = new URLSearchParams()) {
  state.turn += 1;
  const mine = state.turn;
  const asked = { region: context.region.region, department: context.department, indicator: state.indicator, counting: state.counting, departments: state.chosen.join(",") };
  let answer = null;
  const list = await listPart({ ...listOf(state), asked, more: (read) => { answer = answer || read; return null; } }, query);
  if (mine !== state.turn) return;
  part.replaceChildren(...(answer.rows.some((row) => row.value !== null) ? [chartsOf(context, answer), ...list] : [h("p", {}, say("trendsNothing"))]));
}

function listOf(state) {
  const parts = (row, unit) => (unit === "count" ? whole(row.numerator) : `${whole(row.numerator)} / ${whole(row.denominator)}`);
  let unit = "share";
  return {
    id: "trends",
    path: "/v1/series",
    rows: (answer) => { unit = answer.unit; return answer.rows; },
    table: "stacked trends",
    columns: [
      { key: "to", head: say("trendsMonth"), files: ["from", "to"], cell: (row) => `${row.from} – ${row.to}` },
      { key: "department", head: say("department"), kind: "wrap", off: !state.chosen.length, cell: (row) => (row.department ? named(row.department_names) : say("trendsWhole")) },
      { key: "value", head: say("trendsValue"), kind: "number", cell: (row) => shown(row.value, unit) },
      { key: "numerator", head: say("numeratorOverDenominator"), kind: "number", files: ["numerator", "denominator"], cell: (row) => parts(row, unit) },
    ],
  };
}

/** A chart for the region and for each department, all of one scale, so that they can be laid side by side. */
function chartsOf(context, answer) {
  const whose = new Map();
  for (const row of answer.rows) whose.set(row.department, [...(whose.get(row.department) || []), row]);
  const also = answer.rows.filter((row) => row.value !== null).map((row) => row.value);
  const [start, end] = [answer.rows[0].from, answer.rows.at(-1).to];
  return h("div", { class: "heat" }, [...whose].map(([department, rows]) => {
    const name = department ? named(rows[0].department_names) : say("trendsWhole");
    const readings = rows.filter((row) => row.value !== null).map((row) => ({ on: row.to, ...row }));
    return h("section", {}, h("h3", {}, name), trendChart({ label: `${named(answer.indicator_names)} · ${name}`, unit: answer.unit, start, end, readings, also }, CHART));
  }));
}
