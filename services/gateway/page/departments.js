// Departments side by side: one indicator, worst first, with the open cases that need someone now.

import { ticks } from "./chart.js";
import { LESS_IS_BETTER } from "./compare.js";
import { h, shown, whole } from "./dom.js";
import { nothingAt } from "./drawer.js";
import { SIGNS } from "./states.js";
import { listPart } from "./list.js";
import { comparable } from "./heat.js";
import { listAddress, marksOf, targetLinks } from "./target.js";
import { named, say, word } from "./words.js";
import "./lookwords.js";

const KEY = "hallpulse-compare";
const FIRST = ["due_kept_rate", "promise_kept_rate", "instant_case_share", "satisfaction", "promised_limit_compression"];
const OPEN = ["overdue", "due_soon", "unaccepted_late", "suspended", "on_time"];
const URGENT = ["overdue", "unaccepted_late", "due_soon"];
let compared = localStorage.getItem(KEY) || "due_kept_rate";

const find = (department, id) => department.indicators.find((one) => one.id === id);

export function departmentsPart(context) {
  const part = h("section", { class: "departments" });
  draw(part, context);
  return part;
}

function draw(part, context) {
  const { departments } = context.data.departments;
  const offered = comparable(context.data.indicators.indicators);
  const own = offered.find((one) => one.id === compared) || offered[0];
  const rows = departments.map((department) => ({ department, figure: find(department, own.id) })).filter(({ figure }) => figure && figure.value !== null);
  rows.sort((a, b) => Number(b.figure.enough) - Number(a.figure.enough) || (a.figure.value - b.figure.value) * (LESS_IS_BETTER.has(own.id) ? -1 : 1));
  const scale = scaleOf(rows, own);
  part.replaceChildren(
    h(
      "div",
      { class: "heading" },
      h("h2", {}, say("departments"), " ", h("small", {}, [say("worstFirst"), say("average", { value: shown(own.value, own.unit) }), say("scaleFrom", { low: shown(scale.low, own.unit), high: shown(scale.high, own.unit) })].join(" · "))),
      h("span", { class: "facts" }, targetLinks(context, own.id), h("a", { href: `#/trends?indicator=${own.id}`, "data-key": "trend-of" }, say("targetTrend")), h("a", { href: `#/heat?indicator=${own.id}`, "data-key": "heat" }, say("heatTitle")), chooser(part, context, offered, own), h("a", { class: "button", href: "#/departments", "data-key": "all-departments" }, say("listAll"))),
    ),
    h("div", { class: "rows" }, rows.map((one) => line(context, one, own, scale))),
    departments.length > rows.length ? h("p", { class: "hint" }, say("withoutData", { n: departments.length - rows.length })) : "",
  );
}

/** From the worst to the best of them, so that close values can be told apart; a bar from 0 would hide the difference. */
function scaleOf(rows, own) {
  const values = [...rows.map(({ figure }) => figure.value), own.value ?? 0];
  const marks = ticks(Math.min(...values), Math.max(...values, Math.min(...values) + 0.001));
  const step = marks.length > 1 ? marks[1] - marks[0] : 0.1;
  const low = Math.min(Math.floor(Math.min(...values) / step) * step, ...marks);
  const high = Math.ceil(Math.max(...values) / step - 1e-9) * step;
  return { low, high, at: (value) => `${((value - low) / (high - low || 1)) * 100}%` };
}

function chooser(part, context, offered, own) {
  const change = (event) => {
    compared = event.target.value;
    localStorage.setItem(KEY, compared);
    draw(part, context);
  };
  return h(
    "select",
    { "aria-label": say("compareBy"), onchange: change, "data-key": "compare" },
    offered.map((one) => h("option", { value: one.id, selected: one.id === own.id }, named(one.names))),
  );
}

/** A dot at the department's value, a mark at the region's, and the way between them. */
function track(figure, own, scale) {
  const [here, there] = [scale.at(figure.value), scale.at(own.value ?? figure.value)];
  const [from, to] = figure.value < (own.value ?? figure.value) ? [here, there] : [there, here];
  return h(
    "span",
    { class: "track", "aria-hidden": "true" },
    h("i", { style: { left: from, width: `calc(${to} - ${from})` } }),
    h("em", { style: { left: there } }),
    h("b", { style: { left: here } }),
  );
}

function line(context, { department, figure }, own, scale) {
  const { from, to } = context.data.indicators;
  const asked = { region: context.region.region, department: department.id };
  const parts = { ...asked, indicator: own.id, from, to };
  const worse = own.value !== null && figure.enough && (LESS_IS_BETTER.has(own.id) ? figure.value > own.value : figure.value < own.value);
  return h(
    "div",
    { class: `row ${figure.enough ? "" : "few"} ${worse ? "worse" : ""}`, title: figure.enough ? null : say("tooFew") },
    h("span", { class: "name" }, named(department.names), marksOf(figure, own.unit)),
    track(figure, own, scale),
    h("strong", {}, shown(figure.value, own.unit)),
    h(
      "span",
      { class: "parts" },
      h("a", { href: listAddress({ ...parts, part: "numerator" }) }, whole(figure.numerator)),
      " / ",
      h("a", { href: listAddress({ ...parts, part: "denominator" }) }, whole(figure.denominator)),
    ),
    h(
      "span",
      { class: "urgent" },
      URGENT.filter((state) => department.open_cases[state]).map((state) =>
        h("a", { class: `chip is-${state}`, href: listAddress({ ...asked, state }), title: word("open", state) }, h("b", { "aria-hidden": "true" }, SIGNS[state]), whole(department.open_cases[state])),
      ),
    ),
  );
}

export const view = { needsBoard: true, show: showDepartments };

/** Every figure of every department as a table. */
async function showDepartments(drawer, context, _, query) {
  if (!context.data.departments) return nothingAt(drawer, "notForYou");
  const known = new Map(context.data.departments.departments.flatMap((one) => one.indicators).map((one) => [one.id, one]));
  const { from, to } = context.data.indicators;
  const asked = { region: context.region.region, from, to };
  const parts = await listPart({
    id: "departments",
    path: "/v1/departments",
    asked,
    rows: (answer) => answer.departments,
    table: "stacked",
    columns: [
      { key: "names", head: say("department"), kind: "wrap", files: ["names", "id"], cell: (one) => named(one.names) },
      ...OPEN.map((state) => ({ key: `open_${state}`, head: word("open", state), kind: "number", off: !URGENT.includes(state), cell: (one) => h("a", { href: listAddress({ region: asked.region, department: one.id, state }) }, whole(one.open_cases[state])) })),
      ...[...known.values()].map((one) => figureColumn(one, asked)),
    ],
  }, query);
  return drawer.draw(say("departments"), ...parts);
}

function figureColumn(indicator, asked) {
  const { id, unit } = indicator;
  const parts = unit === "count" ? [`${id}_numerator`] : [id, `${id}_numerator`, `${id}_denominator`];
  const cell = (department) => {
    const figure = find(department, id);
    if (!figure) return "";
    const link = (part, number) => h("a", { href: listAddress({ ...asked, department: department.id, indicator: id, part }) }, whole(number));
    if (unit === "count") return link("numerator", figure.numerator);
    return [shown(figure.value, unit), " ", h("small", { class: "hint" }, link("numerator", figure.numerator), " / ", link("denominator", figure.denominator))];
  };
  return { key: parts[0], head: named(indicator.names), kind: "number", off: !FIRST.includes(id), files: parts, cell };
}
