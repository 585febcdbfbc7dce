// What is behind a number: cases, daily counts, items or reports, by page, with the total that the number is.

import { ask } from "./api.js";
import { readReports, reportsPart } from "./declared.js";
import { h, whole } from "./dom.js";
import { cardChip } from "./matters.js";
import { inList, named, say, word } from "./words.js";

const PAGE = 100;
const SUMS = new Set(["actual_compression", "promised_limit_compression"]);

export const view = { show: (drawer, context, _, query) => showList(drawer, context, Object.fromEntries(query)) };

async function showList(drawer, context, asked) {
  const first = await ask("/v1/cases", { ...asked, limit: PAGE });
  if (first.of === "declared") return showReports(drawer, context, first);
  const rows = h("tbody", {});
  const seen = h("span", { class: "hint" });
  const more = h("button", { type: "button" }, say("more"));
  let count = 0;
  let cursor = null;
  const take = (page) => {
    const listed = page.of === "items" ? page.items : page.cases;
    rows.append(...listed.map((one) => (page.of === "items" ? itemRow(one, context, first) : caseRow(one, context, first))));
    count += listed.length;
    cursor = page.next_cursor;
    seen.textContent = say("shown", { n: whole(count) });
    more.hidden = !cursor;
  };
  more.addEventListener("click", async () => {
    more.disabled = true;
    const page = await ask("/v1/cases", { ...asked, limit: PAGE, cursor }).catch(() => null);
    more.disabled = false;
    if (page && drawer.isCurrent()) take(page);
  });
  take(first);
  drawer.draw(
    titleOf(context, first),
    h("p", { class: "facts" }, h("span", {}, say("total"), " ", h("strong", { class: "big" }, whole(first.total))), explanation(first), count ? seen : null),
    tallies(first),
    count ? h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": say("list") }, h("table", { class: "cases stacked" }, h("thead", {}, headings(first)), rows)) : null,
    more,
    !count && !first.tallies.length ? h("p", {}, say("nothing")) : null,
  );
  return undefined;
}

async function showReports(drawer, context, page) {
  const reports = await readReports(page);
  drawer.draw(
    titleOf(context, page),
    h("p", { class: "facts" }, h("span", {}, say("total"), " ", h("strong", { class: "big" }, whole(page.total))), explanation(page)),
    h("p", { class: "hint" }, say("declaredOnly")),
    reportsPart(reports, page, context),
  );
}

function titleOf(context, page) {
  const what = page.state ? word("open", page.state) : `${named(page.indicator_names)} · ${say(page.part)}`;
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

const head = (...keys) => h("tr", {}, keys.filter(Boolean).map((key) => h("th", { scope: "col" }, say(key))));

function headings(page) {
  const sum = isSum(page) ? "amount" : null;
  if (page.of === "items") return head("item", "itemCode", "department", "limit", sum);
  const closed = page.state ? [] : ["decided", "elapsed"];
  return head("caseId", "department", "hall", "received", "accepted", "due", ...closed, "limit", "flags", sum);
}

const cell = (text, kind, key) => h("td", { class: kind, "data-label": key ? say(key) : null }, text ?? "");
const pairOf = (one) => [one.promised_days, one.statutory_days].map((days) => days ?? "—").join(" / ");

function caseRow(one, context, page) {
  const late = one.due && one.open && !one.suspended && one.due < page.as_of.slice(0, 10);
  return h(
    "tr",
    {},
    h("td", {}, h("a", { href: `#/case/${one.region}/${one.hall}/${encodeURIComponent(one.case_id)}` }, one.case_id)),
    cell(departmentOf(context, one), null, "department"),
    cell(named(one.hall_names), null, "hall"),
    cell(one.received, "day", "received"),
    cell(one.accepted || (one.rejected ? `${word("case", "rejected")} ${one.rejected}` : ""), "day", "accepted"),
    h("td", { class: late ? "day late" : "day", "data-label": say("due") }, one.due ?? "", " ", cardChip(one)),
    page.state ? null : cell(one.decided || (one.withdrawn ? `${word("case", "withdrawn")} ${one.withdrawn}` : ""), "day", "decided"),
    page.state ? null : cell(one.elapsed === null ? "" : `${one.elapsed} ${say("days")}`, "number", "elapsed"),
    cell(pairOf(one), "number", "limit"),
    cell(one.flags.map((flag) => word("flag", flag)).join(inList()), "flagged", "flags"),
    isSum(page) ? cell(whole(one.amount), "number", "amount") : null,
  );
}

function itemRow(one, context, page) {
  return h(
    "tr",
    {},
    h("td", {}, one.name, " ", h("small", { class: "hint" }, word("handling", one.handling))),
    cell(one.item_code, null, "itemCode"),
    cell(departmentOf(context, one), null, "department"),
    cell(pairOf(one), "number", "limit"),
    isSum(page) ? cell(whole(one.amount), "number", "amount") : null,
  );
}

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
