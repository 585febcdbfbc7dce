// My work: what a department or the bureau has to do, first on the page.

import { ask } from "./api.js";
import { ago, difference, h, nowInShanghai, shown, whole } from "./dom.js";
import { matterLine, superviseLink } from "./matters.js";
import { cellChip, formAddress } from "./outstanding.js";
import { chip } from "./states.js";
import { listAddress } from "./target.js";
import { named, say, word } from "./words.js";

const DAY_MS = 86400000;
const OPEN = ["overdue", "unaccepted_late", "due_soon", "suspended", "on_time"];
const SHORT = new Set(["missed", "behind"]);
const SHOWN = 8;

const daysBefore = (moment, days) => new Date(Date.parse(`${moment.slice(0, 10)}T00:00:00Z`) - days * DAY_MS).toISOString().slice(0, 10);

/** All that the part shows beside what the board has read; null for who has nothing to do here. */
export async function readWork({ me, region, department, hall }, get = ask) {
  if (!region.plan || hall) return null;
  const scope = { region: region.region, department };
  const [outstanding, targets, arrived, supervised] = await Promise.all([
    get("/v1/outstanding", scope),
    department ? get("/v1/targets", scope) : null,
    me.may.includes("review") ? get("/v1/figures", { region: region.region, from: region.plan.start, to: region.plan.end, arrived_from: daysBefore(nowInShanghai(), 2) }) : null,
    me.may.includes("supervised") ? ask("/v1/matters", scope) : null,
  ]);
  const since = daysBefore(outstanding.on, 1); // yesterday in Shanghai, by the gateway's clock
  return { outstanding, targets, matters: supervised ? supervised.matters : [], arrived: arrived ? arrived.figures.filter((one) => one.arrived.slice(0, 10) >= since) : null };
}

export function workPart(context) {
  const { data, me } = context;
  if (!data.work) return null;
  const lists = context.department ? departmentLists(context) : me.may.includes("review") ? bureauLists(context) : null;
  if (!lists) return null;
  return h("section", { class: "work", "aria-labelledby": "work-title" }, h("div", { class: "heading" }, h("h2", { id: "work-title" }, say("myWork")), h("span", { class: "facts" }, data.work.matters ? h("a", { href: "#/tasks" }, say("tasks")) : null, h("a", { href: "#/outstanding" }, say("outstanding")))), h("div", { class: "tasks" }, lists));
}

const task = (title, count, rows, none) => h("div", { class: "task" }, h("h3", {}, title, count ? h("span", { class: "tag" }, whole(count)) : null), rows.length ? h("ul", {}, rows) : h("p", { class: "hint" }, none || say("nothingToDo")));

function departmentLists(context) {
  const { data, department } = context;
  const months = data.work.outstanding.departments.flatMap((row) => row.months);
  const due = months.filter((one) => ["open", "missing", "returned"].includes(one.state)).reverse();
  const targets = data.work.targets.targets;
  return [
    task(say("toReport"), due.length, due.slice(0, 6).map((one) => h("li", {}, h("a", { href: formAddress(department, one.month) }, one.month), cellChip(one), h("span", { class: "hint" }, one.review && one.state === "returned" ? one.review.reason : say("reportBy", { day: one.last_day }))))),
    task(say("toAnswer"), data.work.matters.filter(isDue).length, data.work.matters.slice(0, 8).map((one) => matterLine(one, isDue(one) ? say("answerDue", { day: one.deadline }) : say("withBureau")))),
    task(say("myTargets"), targets.length, shortFirst(targets).map(targetLine), say("noTargets")),
    task(say("openCases"), null, openLines(context)),
    task(say("toExplain"), null, findingLines(data)),
  ];
}

/** Whether the department owes an answer: one that is late is waited for still. */
const isDue = (one) => one.waits_for === "department" || one.state === "late";

const shortFirst = (targets) => [...targets.filter((one) => SHORT.has(one.state)), ...targets.filter((one) => !SHORT.has(one.state))];

function targetLine(target) {
  const forecast = target.forecast === null ? null : say("forecast", { value: shown(target.forecast, target.unit) });
  return h("li", {}, h("a", { href: `#/target/${target.id}` }, named(target.names)), chip(target.state), h("span", {}, shown(target.value, target.unit)), h("span", { class: target.gap !== null && target.gap < 0 ? "late" : "hint" }, target.gap === null ? "" : `${say("gap")} ${difference(target.gap, target.unit)}`), forecast ? h("span", { class: "hint" }, forecast) : null);
}

function openLines({ data, region, department }) {
  const open = data.indicators.open_cases;
  return OPEN.filter((state) => open[state]).map((state) => h("li", {}, chip(state), h("a", { href: listAddress({ region: region.region, department, state }) }, whole(open[state]))));
}

function findingLines(data) {
  const checks = (data.integrity ? data.integrity.checks : []).filter((one) => one.count);
  return checks.map((one) => h("li", {}, h("a", { href: `#/check/${one.id}` }, named(one.names)), h("span", { class: "late" }, whole(one.count))));
}

function bureauLists(context) {
  const { data } = context;
  const { outstanding, arrived } = data.work;
  const cells = outstanding.departments.flatMap((row) => row.months.map((cell) => ({ ...cell, department: row.department, names: row.names })));
  const waiting = cells.filter((one) => ["submitted", "late"].includes(one.state)).sort((a, b) => (a.month < b.month ? 1 : a.month > b.month ? -1 : 0)); // the newest month first
  const owing = cells.filter((one) => ["missing", "returned"].includes(one.state));
  const late = new Map();
  for (const one of owing) late.set(one.department, { ...one, n: (late.get(one.department)?.n || 0) + 1 });
  const short = (data.targets?.targets || []).filter((one) => SHORT.has(one.state));
  const line = (one) => h("li", {}, h("a", { href: formAddress(one.department, one.month) }, named(one.names)), h("span", { class: "hint" }, one.month), cellChip(one));
  const deciding = data.work.matters.filter((one) => one.waits_for === "bureau");
  const newest = [...arrived].sort((a, b) => (a.arrived < b.arrived ? 1 : -1));
  const names = new Map(outstanding.departments.map((row) => [row.department, named(row.names)]));
  return [
    task(say("toDecide"), waiting.length, [...waiting.slice(0, SHOWN).map(line), waiting.length > SHOWN ? h("li", {}, h("a", { href: "#/outstanding" }, say("allOfThem", { n: whole(waiting.length) }))) : null].filter(Boolean)),
    task(say("mattersToDecide"), deciding.length, deciding.slice(0, 8).map((one) => matterLine(one, [named(one.department_names), one.unfinished ? say("notDone") : one.deadline].join(" · ")))),
    task(say("whoOwes"), late.size, [...[...late.values()].slice(0, SHOWN).map((one) => h("li", {}, h("a", { href: formAddress(one.department, one.month) }, named(one.names)), h("span", { class: "late" }, say("monthsOwed", { n: one.n })), superviseLink(context, "department", one.department))), late.size > SHOWN ? h("li", {}, h("a", { href: "#/outstanding" }, say("allOfThem", { n: whole(late.size) }))) : null].filter(Boolean)),
    task(say("whatIsShort"), short.length, short.map((one) => h("li", {}, h("a", { href: `#/target/${one.id}` }, named(one.names)), chip(one.state), h("span", { class: "late" }, difference(one.gap, one.unit))))),
    task(say("cameIn"), newest.length, newest.slice(0, 8).map((one) => h("li", {}, h("b", {}, one.department ? names.get(one.department) || one.department : say("ownFigure")), h("span", {}, `${named(one.names)} ${one.period}`), h("span", { class: one.status.endsWith("figure") ? "late" : "hint" }, [ago(one.arrived), one.status === "counted" ? null : word("figure", one.status)].filter(Boolean).join(" · ")))), say("nothing")),
  ];
}
