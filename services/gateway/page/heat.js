// Departments × months of one indicator: a table whose cells are shaded by their value, which stands in each.

import { ask } from "./api.js";
import { monthText } from "./chart.js";
import { h, shown, sideways, whole } from "./dom.js";
import { nothingAt } from "./drawer.js";
import { shadesOf } from "./shades.js";
import { listAddress } from "./target.js";
import { named, say } from "./words.js";
import "./lookwords.js";

export const view = { needsBoard: true, show: (drawer, context, _, query) => showHeat(drawer, context, query.get("indicator")) };

/** The months of a window, its first and last ones as far as they lie in it: [{ from, to }]. */
export function monthsOf({ from, to }) {
  const months = [];
  const [year, first] = from.split("-").map(Number);
  for (let n = 0; ; n += 1) {
    const [start, end] = [first - 1 + n, first + n].map((month, place) => new Date(Date.UTC(year, month, 1 - place)).toISOString().slice(0, 10));
    if (start > to) return months;
    months.push({ from: start < from ? from : start, to: end > to ? to : end });
  }
}

/** Indicators whose values can be laid side by side: neither counts nor what departments declare. */
export const comparable = (indicators) => indicators.filter((one) => one.kind !== "declared" && one.unit !== "count");

async function showHeat(drawer, context, asked) {
  const { data, region } = context;
  if (!data.departments) return nothingAt(drawer, "notForYou");
  const offered = comparable(data.indicators.indicators);
  const months = await Promise.all(monthsOf(data.indicators).map(async (month) => ({ ...month, ...(await ask("/v1/departments", { region: region.region, ...month })) })));
  const part = h("div", { class: "heat" });
  const draw = (id) => part.replaceChildren(...heatOf(context, months, offered.find((one) => one.id === id) || offered[0]));
  const choose = (event) => {
    history.replaceState(null, "", `#/heat?indicator=${event.target.value}`);
    draw(event.target.value);
  };
  const chooser = h("select", { "aria-label": say("compareBy"), onchange: choose }, offered.map((one) => h("option", { value: one.id, selected: one.id === asked }, named(one.names))));
  draw(asked);
  return drawer.draw(say("heatTitle"), h("p", { class: "facts" }, chooser, h("span", { class: "hint" }, say("heatHint"))), part);
}

const figureOf = (answer, department, id) => answer.departments.find((one) => one.id === department)?.indicators.find((one) => one.id === id);

function heatOf(context, months, own) {
  const { departments } = context.data;
  const rows = departments.departments.map((department) => ({ department, cells: months.map((month) => figureOf(month, department.id, own.id)), all: figureOf(departments, department.id, own.id) }));
  const seen = rows.filter(({ cells }) => cells.some((one) => one && one.value !== null));
  if (!seen.length) return [h("p", { role: "status" }, say("noHeat"))];
  const shade = shadesOf(seen.flatMap(({ cells }) => cells), own.unit);
  const whole_ = { from: departments.from, to: departments.to };
  const cell = (figure, department, window) => heatCell(figure, shade, own, { region: context.region.region, department: department.id, indicator: own.id, part: "denominator", ...window });
  return [
    shade.legend,
    ...sideways(
      say("heatTitle"),
      h(
        "table",
        { class: "heatmap" },
        h("caption", { class: "unseen" }, `${say("heatTitle")} · ${named(own.names)}`),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, say("department")), months.map((month) => h("th", { scope: "col" }, monthText(new Date(`${month.from}T00:00:00Z`)))), h("th", { scope: "col" }, say("wholePeriod")))),
        h("tbody", {}, seen.map(({ department, cells, all }) => h("tr", {}, h("th", { scope: "row" }, named(department.names)), cells.map((one, place) => cell(one, department, { from: months[place].from, to: months[place].to })), cell(all, department, whole_)))),
      ),
    ),
    rows.length > seen.length ? h("p", { class: "hint" }, say("withoutData", { n: rows.length - seen.length })) : "",
  ];
}

function heatCell(figure, shade, own, asked) {
  if (!figure || figure.value === null) return h("td", { class: "shade-0" }, h("span", { "aria-hidden": "true" }, "·"), h("span", { class: "unseen" }, say("noValue")));
  const parts = `${whole(figure.numerator)} / ${whole(figure.denominator)}`;
  const few = figure.enough ? "" : say("tooFew");
  return h("td", { class: `shade-${shade.of(figure)}` }, h("a", { href: listAddress(asked), title: [parts, few].filter(Boolean).join(" · ") }, figure.enough ? null : h("span", { "aria-hidden": "true" }, "◌ "), shown(figure.value, own.unit), h("small", {}, parts)));
}
