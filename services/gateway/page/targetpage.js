// A target's own page: its figure and its year, who makes its gap, its readings by day, alerts and notes, and its ladder.

import { ask } from "./api.js";
import { alertText } from "./alerts.js";
import { yearChart } from "./chart.js";
import { clockTime, dayNumber, difference, h, shown, whole } from "./dom.js";
import { nothingAt } from "./drawer.js";
import { listPart } from "./list.js";
import { matterChips, superviseLink } from "./matters.js";
import { chip } from "./states.js";
import { MONTHLY_REPORT, because, causesOf, departmentsOf, figuresOf, leads, legend, listAddress, marksOf, readings } from "./target.js";
import { inChinese, inList, named, say, word } from "./words.js";
import "./trendwords.js";

const DAYS = 31;
const CHART = { width: 760, height: 260 };
const MOST_MATTERS = 5;

export const view = { show: (drawer, context, [id], query) => showTarget(drawer, context, id, query) };

/** Which figure is looked at: the region's, or for a department its own where the target binds it. */
async function showTarget(drawer, context, id, query) {
  const scope = { region: context.region.region, department: context.department };
  const answer = await ask("/v1/targets", scope);
  const target = answer.targets.find((one) => one.id === id);
  if (!target) return answer.plan ? nothingAt(drawer) : drawer.draw(say("notThere"), h("p", { role: "status" }, say("noPlan")));
  const own = context.department && target.departments.find((one) => one.department === context.department);
  const onlyLed = Boolean(context.department) && !own; // the region's figure, of which a department sees the value and its own part
  const window = onlyLed ? null : windowOf(answer);
  const asked = { ...scope, department: own ? context.department : null, indicator: target.indicator, counting: "so_far" };
  const [months, days, matters, split] = await Promise.all([
    window ? ask("/v1/series", { ...asked, ...window }) : null,
    window ? ask("/v1/series", { ...asked, every: "day", from: lastDays(window), to: window.to }) : null,
    context.me.may.includes("supervised") ? mattersOf(scope, id) : null,
    splitPart(context, target, scope, query),
  ]);
  const points = months ? months.rows.map((row) => ({ on: row.to, values: { [target.indicator]: row } })) : [];
  return drawer.draw(
    named(target.names),
    h("p", { class: "facts" }, chip(target.state), h("span", { class: "hint" }, because(target, answer)), superviseLink(context, "target", target.id)),
    figuresOf(target, scope, window),
    marksOf(target, target.unit),
    causesOf(target),
    target.indicator === MONTHLY_REPORT ? h("p", { class: "hint" }, say("measuredOnly")) : null,
    onlyLed ? h("p", { class: "hint" }, say("targetNoTrend")) : [yearChart(target, points, answer.plan, answer.on, CHART, true), legend(target)],
    h("p", { class: "hint" }, `${say("lead")}${inChinese() ? "：" : ": "}${leads(target)} · ${say("source", { n: target.source.join(inList()) })}`),
    links(context, target, window),
    split,
    departmentsOf(target),
    days && target.indicator !== MONTHLY_REPORT ? dailyPart(target, days) : null,
    readings(target),
    context.me.may.includes("alerts") ? alertsPart(scope.region, id) : null,
    matters ? mattersPart(matters) : null,
  );
}

/** The days of the plan's period so far; null before it begins. */
function windowOf({ plan, on }) {
  if (!plan || on < plan.start) return null;
  return { from: plan.start, to: on > plan.end ? plan.end : on };
}

function lastDays({ from, to }) {
  const first = new Date((dayNumber(to) - DAYS + 1) * 86400000).toISOString().slice(0, 10);
  return first < from ? from : first;
}

const section = (key, ...children) => h("section", { class: "step" }, h("h3", {}, say(key)), children);

function links(context, target, window) {
  const scope = { region: context.region.region, department: context.department };
  const ofCases = context.data?.indicators.indicators.some((one) => one.id === target.indicator && one.kind === "case");
  const late = ofCases && window ? h("a", { href: listAddress({ ...scope, state: "overdue" }) }, say("targetLate")) : null;
  const outstanding = target.indicator === MONTHLY_REPORT ? h("a", { href: "#/outstanding" }, say("outstanding")) : null;
  const trend = target.indicator === MONTHLY_REPORT ? null : h("a", { href: `#/trends?indicator=${target.indicator}` }, say("targetTrend"));
  const whole_ = context.department ? [] : [h("a", { href: "#/reports" }, say("targetReports"))];
  return h("p", { class: "facts" }, [trend, late, outstanding, ...whole_].filter(Boolean));
}

/** What each department or item adds to the gap, the worst first; as a list with files. */
async function splitPart(context, target, scope, query) {
  const by = query.get("by") === "item" ? "item" : "department";
  const place = (which) => `#/target/${target.id}?${new URLSearchParams({ by: which, region: scope.region })}`;
  const choose = (which, key) => h("a", { class: "button", href: place(which), "aria-current": which === by ? "true" : null, "data-key": `split-${which}` }, say(key));
  const gapText = (answer) => (answer.gap === null ? say("splitNoGap") : say("splitHint", { gap: difference(answer.gap, answer.unit) }));
  const parts = await listPart({
    id: `split-${by}`,
    path: `/v1/targets/${target.id}/split`,
    asked: { ...scope, by },
    rows: (answer) => answer.rows,
    more: (answer) => [h("p", { class: "hint" }, gapText(answer)), target.departments.length && !answer.department ? h("p", { class: "hint" }, say("splitOfWhole")) : null],
    empty: say("splitNone"),
    table: "stacked split",
    row: (row) => (row.kind === "part" ? null : "hint"),
    columns: [
      by === "item"
        ? { key: "item_name", head: say("item"), kind: "wrap", files: ["kind", "item_name", "item_code"], cell: (row) => partName(row, row.item_name || row.item_code) }
        : { key: "department", head: say("department"), kind: "wrap", files: ["kind", "department"], cell: (row) => partName(row, row.department ? named(row.department_names) : null) },
      ...(by === "item" ? [{ key: "department", head: say("department"), kind: "wrap", cell: (row) => (row.department ? named(row.department_names) : "") }] : []),
      { key: "numerator", head: say("numeratorOverDenominator"), kind: "number", files: ["numerator", "denominator"], cell: (row) => amounts(row, target.unit) },
      { key: "value", head: say("ownRatio"), kind: "number", off: target.unit === "count", cell: (row) => (row.value === null || target.unit === "count" ? "" : shown(row.value, target.unit)) },
      { key: "share", head: say("splitShare"), kind: (row) => `number${row.share < 0 ? " late" : ""}`, files: ["share", "exact"], cell: (row) => (row.share === null ? "" : difference(row.share, target.unit)) },
      { key: "parts", head: say("splitParts"), kind: "number", off: true, cell: (row) => (row.parts ? whole(row.parts) : "") },
    ],
  }, query);
  return section("splitTitle", h("p", { class: "facts" }, choose("department", "splitByDepartment"), choose("item", "splitByItem")), ...parts);
}

function partName(row, name) {
  if (row.kind === "part") return name || say("noDepartment");
  if (row.kind === "goal") return say("split_goal");
  return row.parts ? say("splitRestOf", { n: whole(row.parts) }) : say("splitRestAlone");
}

function amounts(row, unit) {
  if (row.kind === "goal") return "";
  return unit === "count" ? whole(row.numerator) : `${whole(row.numerator)} / ${whole(row.denominator)}`;
}

function dailyPart(target, days) {
  const rows = [...days.rows].reverse();
  const cells = (row) => [h("th", { scope: "row" }, row.to), h("td", { class: "number" }, shown(row.value, target.unit)), target.unit === "count" ? null : h("td", { class: "number" }, `${whole(row.numerator)} / ${whole(row.denominator)}`)];
  return h(
    "details",
    { class: "step" },
    h("summary", {}, say("dailyReadings")),
    h("p", { class: "hint" }, say("dailyHint", { at: clockTime(days.as_of) })),
    h("table", { class: "plain daily" }, h("thead", {}, h("tr", {}, ["day", "value", target.unit === "count" ? null : "numeratorOverDenominator"].filter(Boolean).map((key) => h("th", { scope: "col" }, say(key))))), h("tbody", {}, rows.map((row) => h("tr", {}, cells(row))))),
  );
}

/** Read when it is opened: the page stands without the service of notices, too. */
function alertsPart(region, id) {
  const part = h("div", { class: "events" });
  const read = async (event) => {
    if (!event.target.open) return;
    try {
      const { alerts } = await ask("/v1/alerts", { region });
      const own = alerts.filter((one) => one.labels.target === id);
      part.replaceChildren(own.length ? h("ol", {}, own.map(alertLine)) : h("p", { class: "hint" }, say("targetNoAlerts")));
    } catch (error) {
      part.replaceChildren(h("p", { class: "bad", role: "alert" }, error.message));
    }
  };
  return h("details", { class: "step", ontoggle: read }, h("summary", {}, say("targetNotes")), part);
}

const alertLine = (one) =>
  h(
    "li",
    {},
    h("time", {}, clockTime(one.started)),
    h("a", { href: `#/alerts?alert=${one.fingerprint}` }, alertText(one)),
    h("span", { class: "hint" }, word("severity", one.severity)),
    one.acknowledged ? h("p", { class: "said" }, say("takenBy", { who: one.acknowledged_by, at: clockTime(one.acknowledged) })) : null,
    one.notes.map((note) => h("p", { class: "said" }, h("time", {}, clockTime(note.at)), " ", h("b", {}, note.by), " ", note.text)),
  );

/** The matters opened because of the target, the newest first, with what was done in the last ones. */
async function mattersOf(scope, id) {
  const { matters } = await ask("/v1/matters", { ...scope, which: "all", target: id });
  return matters.map((one, place) => ({ ...one, entries: place < MOST_MATTERS ? one.entries : [] }));
}

function mattersPart(matters) {
  if (!matters.length) return section("targetMatters", h("p", { class: "hint" }, say("targetNoMatters")));
  const entry = (one) => h("p", { class: "said" }, h("time", {}, clockTime(one.at)), " ", h("b", {}, one.rung ? `${word("deed", one.deed)} · ${word("rung", one.rung)}` : word("deed", one.deed)), " ", one.by, one.answer ? ` · ${one.answer.cause}` : one.reason ? ` · ${one.reason}` : "");
  const line = (one) => h("li", {}, h("a", { href: `#/matters/${one.matter}` }, say("matterOf", { n: one.matter })), h("span", {}, named(one.department_names)), matterChips(one), h("span", { class: "hint" }, say("answerDue", { day: one.deadline })), one.entries.map(entry));
  return h("section", { class: "events" }, h("h3", {}, say("targetMatters")), h("ol", {}, matters.map(line)));
}
