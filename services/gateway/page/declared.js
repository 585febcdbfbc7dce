// What is behind a declared number: every report of its periods, who reported it and when, and whether it counts.

import { ask } from "./api.js";
import { clockTime, h, periodName, shown, whole } from "./dom.js";
import { listPart } from "./list.js";
import { formAddress } from "./outstanding.js";
import { named, say, word } from "./words.js";

const DESK = "declarations"; // the hall of what is declared in the suite itself, which is no place
const SIGNS = { counted: "✓", superseded: "↺", nested: "⊂", unknown_figure: "✕", impossible_figure: "✕" };
const RIGHT = new Set(["counted", "superseded", "nested"]);
const MONTH = /^\d{4}-\d{2}$/;

/** The reports behind a number of declared figures, those of the newest period first, and how many of them count. */
export async function declaredTable(page, context, query) {
  const { region, department, indicator, from, to } = page;
  const first = await ask("/v1/figures", { region, department, indicator, from, to });
  if (!first.figures.length) return [h("p", {}, say("noReports", page))];
  const counted = (figures) => say("reportsCounted", { n: whole(figures.length), counted: whole(figures.filter((one) => one.status === "counted").length) });
  return listPart({
    id: "reports",
    path: "/v1/figures",
    asked: { region, department, indicator, from, to },
    rows: (answer, { sort }) => (sort ? answer.figures : newestFirst(answer.figures)),
    more: (answer) => h("p", {}, counted(answer.figures)),
    table: "reports",
    row: (one) => `report-${one.status}`,
    filters: [{ key: "status", head: say("reportState"), choices: Object.keys(SIGNS).map((one) => [one, word("figure", one)]) }],
    columns: columnsOf(first.figures, page, context),
  }, query);
}

const newestFirst = (figures) => [...figures].sort((a, b) => (a.period === b.period ? 0 : a.period < b.period ? 1 : -1)); // stable: revisions stay together

/** The region and the department only where they say something. */
function columnsOf(reports, page, context) {
  const unit = context.data?.indicators.indicators.find((one) => one.id === page.indicator)?.unit;
  const chip = (one) => h("span", { class: `chip is-figure-${one.status}` }, h("b", { "aria-hidden": "true" }, SIGNS[one.status]), word("figure", one.status));
  return [
    { key: "period", head: say("reportPeriod"), kind: "day", cell: (one) => periodOf(one, context) },
    reports.some((one) => one.region !== page.region) ? { key: "region", head: say("region"), cell: (one) => named(one.region_names) } : null,
    page.department ? null : { key: "department", head: say("department"), cell: (one) => (one.department ? named(one.department_names) : say("ownFigure")) },
    { key: "numerator", head: say("reportValue"), kind: "number said", files: ["numerator", "denominator"], cell: (one) => valueOf(one, unit) },
    { key: "revision", head: say("revision"), kind: "number", cell: (one) => whole(one.revision) },
    { key: "status", head: say("reportState"), cell: chip },
    { key: "reporter", head: say("reportedBy"), kind: "reporter", files: ["reporter", "hall", "note"], cell: reporterOf },
    { key: "time", head: say("reportedAt"), kind: "day", cell: (one) => clockTime(one.time) },
    { key: "arrived", head: say("arrivedAt"), kind: "day", cell: (one) => clockTime(one.arrived) },
  ].filter(Boolean);
}

/** A department's month leads to its form, with all that was asked for it. */
function periodOf({ period, region, department, status }, context) {
  const asked = department && MONTH.test(period) && region === context.region.region && status !== "unknown_figure";
  return asked ? h("a", { href: formAddress(department, period) }, periodName(period)) : periodName(period);
}

function valueOf({ numerator, denominator, status }, unit) {
  if (denominator === null) return whole(numerator);
  const share = unit === "share" && denominator > 0 && RIGHT.has(status) ? h("small", { class: "hint" }, ` ${shown(numerator / denominator, unit)}`) : null;
  return [`${whole(numerator)} / ${whole(denominator)}`, share];
}

function reporterOf({ reporter, hall, hall_names: names, note }) {
  const place = hall === DESK ? say("reportedHere") : named(names);
  return h(
    "div",
    {},
    reporter ? [reporter, h("small", { class: "hint" }, ` ${place}`)] : place,
    note ? h("p", { class: "hint" }, say("reportNote", { note })) : null,
  );
}
