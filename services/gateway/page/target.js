// The plan's targets: a card for each one that can be judged, a line for the others, and the parts of a target's own page.

import { yearChart } from "./chart.js";
import { difference, h, shown, whole } from "./dom.js";
import { SIGNS, TARGET_STATES, chip, stateWord } from "./states.js";
import { inList, named, say, word } from "./words.js";
import "./listwords.js";

export const MONTHLY_REPORT = "monthly_report"; // measured by months, not by cases: the matrix of the months is behind it
const UNJUDGED = new Set(["not_measured", "below_min_denominator", "not_started"]);

export function targetsPart({ data }) {
  const { plan, targets } = data.targets;
  if (!plan) return h("section", { class: "targets" }, h("h2", {}, say("targets")), h("p", { class: "hint" }, say("noPlan")));
  const judged = targets.filter((target) => !UNJUDGED.has(target.state));
  const waiting = targets.filter((target) => UNJUDGED.has(target.state));
  judged.sort((a, b) => TARGET_STATES.indexOf(a.state) - TARGET_STATES.indexOf(b.state));
  return h(
    "section",
    { class: "targets" },
    heading(plan, targets),
    h("div", { class: "cards" }, judged.map((target) => card(target, data, plan))),
    waiting.length ? h("details", { class: "waiting", "data-key": "waiting", open: judged.length < 4 }, h("summary", {}, `${say("waiting")} · ${waiting.length}`), h("ul", {}, waiting.map(waitingLine))) : null,
  );
}

function heading(plan, targets) {
  const counts = TARGET_STATES.map((state) => [state, targets.filter((target) => target.state === state).length]).filter(([, n]) => n);
  return h(
    "div",
    { class: "heading" },
    h(
      "div",
      {},
      h("h2", {}, named(plan.names)),
      h(
        "p",
        { class: "hint" },
        [plan.document, say("period", plan), plan.phase ? say("phase", { name: named(plan.phase.names) }) : null].filter(Boolean).join(" · "),
      ),
    ),
    h(
      "div",
      { class: "tally", role: "img", "aria-label": counts.map(([state, n]) => `${stateWord(state)} ${n}`).join(", ") },
      counts.map(([state, n]) => h("span", { class: `is-${state}`, style: { flexGrow: String(n) } }, h("b", {}, `${SIGNS[state]} ${n}`), h("small", {}, stateWord(state)))),
    ),
  );
}

function card(target, data, plan) {
  const points = data.trend ? data.trend.points : [];
  return h(
    "a",
    { class: `card is-${target.state}`, href: `#/target/${target.id}`, "data-key": `target-${target.id}` },
    h("header", {}, h("h3", {}, named(target.names)), chip(target.state)),
    h(
      "div",
      { class: "reading" },
      h("strong", {}, shown(target.value, target.unit)),
      yearChart(target, points, plan, data.targets.on, { width: 150, height: 52 }),
    ),
    progress(target),
    h(
      "dl",
      {},
      pair("required", shown(target.required, target.unit)),
      pair("goal", goalText(target)),
      gap(target),
    ),
    h("p", { class: "hint" }, [fraction(target), forecastText(target)].filter(Boolean).join(" · ")),
    marksOf(target, target.unit),
  );
}

/** What the compression's change since the plan began came from, in points. */
export const causesOf = ({ causes = [] }) =>
  causes.length ? h("p", { class: "hint" }, say("causes", { list: causes.map((one) => `${named(one.names)} ${one.share > 0 ? "+" : "−"}${Math.abs(one.share * 100).toFixed(2)}`).join(inList()) })) : null;

/** The findings that a figure gains from, each with the value without it. */
export const marksOf = (figure, unit) =>
  figure.marks.map((mark) => h("p", { class: "marked" }, say("marked", { check: named(mark.names), n: whole(mark.findings), value: shown(mark.without.value, unit) })));

function forecastText(target) {
  if (target.forecast !== null) return say("forecast", { value: shown(target.forecast, target.unit) });
  return target.forecast_reason ? say(`noForecast_${target.forecast_reason}`) : null;
}

const pair = (key, text, kind) => h("div", { class: kind }, h("dt", {}, say(key)), h("dd", {}, text));
const gap = (target) => pair(target.departments.length ? "gapWorst" : "gap", difference(target.gap, target.unit), target.gap === null ? null : target.gap < 0 ? "short" : "good");
const fraction = ({ numerator, denominator, unit }) => (unit === "count" ? null : `${whole(numerator)} / ${whole(denominator)}`);

function goalText(target) {
  const text = shown(target.goal, target.unit);
  if (target.rule.kind === "below") return `${say("goalBelow")} ${text}`;
  return target.rule.kind === "at_most" ? `${say("goalAtMost")} ${text}` : text;
}

/** From the base (or nothing) to the goal, with a mark at what is required today. */
function progress(target) {
  if (target.goal === null || target.value === null || target.rule.direction === "down") return null;
  const from = target.rule.base ?? 0;
  const part = (value) => Math.max(0, Math.min(1, (value - from) / (target.goal - from || 1)));
  const done = part(target.value);
  return h(
    "div",
    { class: "progress", "aria-hidden": "true" },
    h("span", { style: { width: `${done * 100}%` } }),
    target.required === null ? null : h("i", { style: { left: `${part(target.required) * 100}%` } }),
  );
}

function waitingLine(target) {
  return h(
    "li",
    {},
    h("a", { href: `#/target/${target.id}` }, named(target.names)),
    h("span", { class: "hint" }, `${say("goal")} ${goalText(target)}`),
    h("span", { class: "hint lead" }, leads(target)),
    chip(target.state),
  );
}

export function leads(target) {
  return target.lead.length > 8 ? say("everyDepartment") : target.lead.map((one) => named(one.names)).join(inList());
}

/** The value, what is required, the goal and the gap, and the two parts, which lead to what is counted in them. */
export const figuresOf = (target, scope, window) =>
  h(
    "dl",
    { class: "figures" },
    pair("value", shown(target.value, target.unit)),
    pair("required", shown(target.required, target.unit)),
    pair("goal", goalText(target)),
    gap(target),
    target.forecast === null ? null : pair("forecastEnd", shown(target.forecast, target.unit)),
    window ? parts(target, scope, window) : null,
  );

/** Why nothing can be said. */
export function because(target, { on, plan }) {
  if (target.state === "not_measured" && target.value !== null) return say("because_unknown_goal");
  const known = { on, start: plan.start, n: target.denominator, least: plan.min_denominator };
  return UNJUDGED.has(target.state) ? say(`because_${target.state}`, known) : "";
}

function parts(target, scope, window) {
  if (target.unit === "count" && target.denominator !== 1) return null;
  const behind = (part) => (target.indicator === MONTHLY_REPORT ? "#/outstanding" : listAddress({ ...scope, indicator: target.indicator, part, ...window }));
  const link = (part, number) => h("a", { href: behind(part) }, whole(number));
  return [
    h("div", {}, h("dt", {}, say("numerator")), h("dd", {}, link("numerator", target.numerator))),
    target.unit === "count" ? null : h("div", {}, h("dt", {}, say("denominator")), h("dd", {}, link("denominator", target.denominator))),
  ];
}

/** Links to the targets of an indicator, where the plan has any. */
export const targetLinks = ({ data }, indicator) =>
  (data?.targets?.targets || []).filter((one) => one.indicator === indicator).map((one) => h("a", { href: `#/target/${one.id}` }, `${say("targetOf")} · ${named(one.names)}`));

export const listAddress = (asked) => `#/list?${new URLSearchParams(Object.entries(asked).filter(([, value]) => value))}`;

export function legend(target) {
  const entries = [["reached", "legendValue"], ["path", "legendPath"], ["goal", "legendGoal"], ["forecast", "legendForecast"]];
  const shownEntries = entries.filter(([kind]) => (kind !== "path" || target.path.kind !== "none") && (kind !== "forecast" || target.forecast !== null));
  return h("p", { class: "legend" }, shownEntries.map(([kind, key]) => h("span", { class: `key-${kind}` }, say(key))));
}

export function readings(target) {
  const listed = Object.entries(target.readings);
  if (!listed.length) return null;
  const name = { points: "readingPoints", relative: "readingRelative", remaining: "readingRemaining" };
  return h(
    "table",
    { class: "plain" },
    h("caption", {}, say("readingsTitle")),
    listed.map(([kind, goal]) =>
      h(
        "tr",
        { class: kind === target.rule.reading ? "own" : null },
        h("th", { scope: "row" }, say(name[kind]), kind === target.rule.reading ? h("small", {}, ` ${say("adopted")}`) : null),
        h("td", {}, shown(goal, target.unit)),
        h("td", {}, target.value === null ? "" : target.value >= goal ? `✓ ${word("state", "met")}` : difference(target.value - goal, target.unit)),
      ),
    ),
  );
}

export function departmentsOf(target) {
  if (!target.departments.length) return null;
  return h(
    "table",
    { class: "plain" },
    h("caption", {}, say("departmentsJudged", target)),
    target.departments.map((one) => h("tr", {}, h("th", { scope: "row" }, named(one.names)), h("td", { class: "number" }, shown(one.value, target.unit)), h("td", {}, chip(one.state)), one.reports.length ? h("td", { class: "hint" }, owed(one.reports)) : null)),
  );
}

/** How many of a department's monthly reports are missing or came late. */
const owed = (reports) =>
  ["missing", "late"]
    .map((state) => [state, reports.filter((one) => one.state === state).length])
    .filter(([, n]) => n)
    .map(([state, n]) => say(`months_${state}`, { n }))
    .join(inList());
