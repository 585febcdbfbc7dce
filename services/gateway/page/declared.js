// What is behind a declared number: every report of its periods, who reported it and when, and whether it counts.

import { ask } from "./api.js";
import { clockTime, h, periodName, shown, whole } from "./dom.js";
import { formAddress } from "./outstanding.js";
import { named, say, word } from "./words.js";

const PAGE = 100;
const DESK = "declarations"; // the hall of what is declared in the suite itself, which is no place
const SIGNS = { counted: "✓", superseded: "↺", nested: "⊂", unknown_figure: "✕", impossible_figure: "✕" };
const RIGHT = new Set(["counted", "superseded", "nested"]);
const MONTH = /^\d{4}-\d{2}$/;

/** The reports behind a page of /v1/cases that is `of` declared figures, those of the newest period first. */
export async function readReports({ region, department, indicator, from, to }) {
  const { figures } = await ask("/v1/figures", { region, department, indicator, from, to });
  return figures.sort((a, b) => (a.period === b.period ? 0 : a.period < b.period ? 1 : -1)); // stable: revisions stay together
}

/** The table of the reports, so many at a time, and how many of them the number is made of; in words where there are none. */
export function reportsPart(reports, page, context) {
  if (!reports.length) return h("p", {}, say("noReports", page));
  const counted = reports.filter((one) => one.status === "counted").length;
  const columns = columnsOf(reports, page, context);
  const rows = h("tbody", {});
  const seen = h("span", { class: "hint" });
  const more = h("button", { type: "button" }, say("more"));
  const take = () => {
    const from = rows.children.length;
    rows.append(...reports.slice(from, from + PAGE).map((one) => row(one, columns)));
    seen.textContent = say("shown", { n: whole(rows.children.length) });
    more.hidden = rows.children.length === reports.length;
  };
  more.addEventListener("click", take);
  take();
  return [
    h("p", { class: "facts" }, h("span", {}, say("reportsCounted", { n: whole(reports.length), counted: whole(counted) })), seen),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": say("reportHistory") },
      h("table", { class: "cases reports" }, h("thead", {}, h("tr", {}, columns.map(([key]) => h("th", { scope: "col" }, say(key))))), rows),
    ),
    more,
  ];
}

/** [heading, class, what a report has there]: the region and the department only where they say something. */
function columnsOf(reports, page, context) {
  const unit = context.data?.indicators.indicators.find((one) => one.id === page.indicator)?.unit;
  return [
    ["reportPeriod", "day", (one) => periodOf(one, context)],
    reports.some((one) => one.region !== page.region) ? ["region", "", (one) => named(one.region_names)] : null,
    page.department ? null : ["department", "", (one) => (one.department ? named(one.department_names) : say("ownFigure"))],
    ["reportValue", "number said", (one) => valueOf(one, unit)],
    ["revision", "number", (one) => whole(one.revision)],
    ["reportState", "", (one) => h("span", { class: `chip is-figure-${one.status}` }, h("b", { "aria-hidden": "true" }, SIGNS[one.status]), word("figure", one.status))],
    ["reportedBy", "reporter", reporterOf],
    ["reportedAt", "day", (one) => clockTime(one.time)],
    ["arrivedAt", "day", (one) => clockTime(one.arrived)],
  ].filter(Boolean);
}

const row = (report, columns) => h("tr", { class: `report-${report.status}` }, columns.map(([key, kind, cell]) => h("td", { class: kind || null, "data-label": say(key) }, cell(report))));

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
