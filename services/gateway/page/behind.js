// What is behind a number: cases, daily counts, items or reports, with the total that the number is.

import { ask } from "./api.js";
import { declaredTable } from "./declared.js";
import { h, whole } from "./dom.js";
import { listPart, withoutLook } from "./list.js";
import { cardChip } from "./matters.js";
import { inList, named, say, word } from "./words.js";

const SUMS = new Set(["actual_compression", "promised_limit_compression"]);
const CARDS = ["yellow", "red"];

export const view = { show: showList };

async function showList(drawer, context, _, query) {
  const filters = filtersOf(context, query);
  const asked = { region: context.region.region, ...withoutLook(query, filters) };
  const scope = Object.fromEntries(filters.filter((one) => one.own && query.get(one.key)).map((one) => [one.key, query.get(one.key)]));
  const first = await ask("/v1/cases", { ...asked, ...scope, limit: 1 });
  if (first.of === "declared") return showReports(drawer, context, first, query);
  const page = { ...first, sum: isSum(first) };
  const spec = first.of === "items" ? itemSpec(context, page) : caseSpec(context, page);
  const parts = await listPart({ ...spec, path: "/v1/cases", asked, filters: first.of === "items" ? filters.filter((one) => one.key === "department") : filters }, query);
  return drawer.draw(titleOf(context, first), ...parts);
}

/** By department and by hall, one of them, where not the address has it already; by card. */
function filtersOf(context, query) {
  const { data, regions, region } = context;
  const halls = (regions.halls || []).filter((one) => one.region === region.region);
  const whole_ = !context.department && !context.hall;
  const departments = data?.departments ? data.departments.departments.map((one) => [one.id, named(one.names)]) : [];
  return [
    whole_ && departments.length && !query.get("hall") ? { key: "department", own: true, head: say("department"), choices: departments } : null,
    whole_ && halls.length > 1 && !query.get("department") ? { key: "hall", own: true, head: say("hall"), choices: halls.map((one) => [one.hall, named(one.names)]) } : null,
    { key: "card", own: true, head: say("card"), choices: CARDS.map((one) => [one, word("card", one)]) },
  ].filter(Boolean);
}

async function showReports(drawer, context, page, query) {
  const parts = await declaredTable(page, context, query);
  drawer.draw(
    titleOf(context, page),
    h("p", { class: "facts" }, h("span", {}, say("total"), " ", h("strong", { class: "big" }, whole(page.total))), explanation(page)),
    h("p", { class: "hint" }, say("declaredOnly")),
    ...parts,
  );
}

function titleOf(context, page) {
  const what = page.state ? word("open", page.state) : page.flow ? word("flow", page.flow) : `${named(page.indicator_names)} · ${say(page.part)}`;
  const who = page.department ? departmentOf(context, page) : page.hall && nameOf(page.hall_names, page.hall);
  return [what, who, nameOf(page.region_names, page.region)].filter(Boolean).join(" · ");
}

const nameOf = (names, id) => (names ? named(names) : id);

function explanation(page) {
  if (page.state) return null;
  const sum = isSum(page) ? say("sumOfDays") : "";
  return h("span", { class: "hint" }, `${say("totalIs")}${sum}`);
}

const isSum = ({ indicator, part }) => SUMS.has(indicator) || (indicator === "mean_elapsed_days" && part === "numerator");

export function departmentName(context, id) {
  const found = context.data && context.data.departments && context.data.departments.departments.find((one) => one.id === id);
  return found ? named(found.names) : id;
}

/** By the name beside the code, else as the board knows the department. */
export const departmentOf = (context, { department, department_names: names }) => (names && named(names) !== department ? named(names) : department ? departmentName(context, department) : "");

/** The total of the list as it is looked at: the number's own while nothing narrows it. */
const above = (page) => (answer) => [
  h("p", { class: "facts" }, h("span", {}, say("total"), " ", h("strong", { class: "big" }, whole(answer.total))), answer.total === page.total ? explanation(page) : h("span", { class: "hint" }, say("ofAll", { n: whole(page.total) }))),
  tallies(answer),
];

const days = (value) => (value === null ? "" : `${value} ${say("days")}`);

function caseSpec(context, page) {
  const late = (one) => one.due && one.open && !one.suspended && one.due < page.as_of.slice(0, 10);
  const closed = Boolean(page.state);
  const day = (key) => ({ key, head: say(key), kind: "day", cell: (one) => one[key] });
  return {
    id: "cases",
    rows: (answer) => answer.cases,
    total: (answer) => answer.rows,
    more: above(page),
    empty: say("nothing"),
    columns: [
      { key: "case_id", head: say("caseId"), cell: (one) => h("a", { href: `#/case/${one.region}/${one.hall}/${encodeURIComponent(one.case_id)}` }, one.case_id) },
      { key: "item_name", head: say("item"), sort: "item_code", kind: "wrap", files: ["item_name", "item_code"], cell: (one) => one.item_name ?? one.item_code },
      { key: "item_code", head: say("itemCode"), off: true, cell: (one) => one.item_code },
      { key: "department", head: say("department"), cell: (one) => departmentOf(context, one) },
      { key: "hall", head: say("hall"), cell: (one) => named(one.hall_names) },
      { key: "region", head: say("region"), sort: null, off: true, cell: (one) => named(one.region_names) },
      { key: "channel", head: say("channel"), off: true, cell: (one) => one.channel && word("channel", one.channel) },
      day("received"),
      { key: "accepted", head: say("accepted"), kind: "day", files: ["accepted", "rejected"], cell: (one) => one.accepted || (one.rejected ? `${word("case", "rejected")} ${one.rejected}` : "") },
      { key: "due", head: say("due"), kind: (one) => (late(one) ? "day late" : "day"), files: ["due", "late_days", "card"], cell: (one) => [one.due ?? "", " ", cardChip(one)].filter((part) => part !== null) },
      { key: "decided", head: say("decided"), kind: "day", off: closed, files: ["decided", "withdrawn"], cell: (one) => one.decided || (one.withdrawn ? `${word("case", "withdrawn")} ${one.withdrawn}` : "") },
      { key: "elapsed", head: say("elapsed"), kind: "number", off: closed, cell: (one) => days(one.elapsed) },
      { key: "promised_days", head: say("limit"), kind: "number", files: ["promised_days", "statutory_days", "extended_days"], cell: pairOf },
      { key: "score", head: say("score"), kind: "number", off: true, cell: (one) => one.score },
      { key: "flags", head: say("flags"), sort: null, kind: "flagged", cell: (one) => one.flags.map((flag) => word("flag", flag)).join(inList()) },
      page.sum ? { key: "amount", head: say("amount"), sort: null, kind: "number", cell: (one) => whole(one.amount) } : null,
    ].filter(Boolean),
  };
}

const pairOf = (one) => [one.promised_days, one.statutory_days].map((number) => number ?? "—").join(" / ");

function itemSpec(context, page) {
  return {
    id: "items",
    rows: (answer) => answer.items,
    total: (answer) => answer.rows,
    more: above(page),
    empty: say("nothing"),
    columns: [
      { key: "name", head: say("item"), kind: "wrap", files: ["name", "handling"], cell: (one) => [one.name, " ", h("small", { class: "hint" }, word("handling", one.handling))] },
      { key: "item_code", head: say("itemCode"), cell: (one) => one.item_code },
      { key: "department", head: say("department"), cell: (one) => departmentOf(context, one) },
      { key: "promised_days", head: say("limit"), kind: "number", files: ["promised_days", "statutory_days"], cell: pairOf },
      page.sum ? { key: "amount", head: say("amount"), sort: null, kind: "number", cell: (one) => whole(one.amount) } : null,
    ].filter(Boolean),
  };
}

const cell = (text, kind) => h("td", { class: kind }, text ?? "");

function tallies(page) {
  if (!page.tallies.length) return null;
  const sum = page.tallies.reduce((all, one) => all + one.amount, 0);
  return h(
    "details",
    {},
    h("summary", {}, `${say("tallies")} · ${page.tallies.length} · ${say("total")} ${whole(sum)}`),
    h("table", { class: "plain" }, page.tallies.map((one) => h("tr", {}, cell(one.date, "day"), cell(named(one.hall_names)), cell(whole(one.amount), "number")))),
  );
}
