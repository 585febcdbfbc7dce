// The integrity checks: how far the figures can be trusted, and what each check found.

import { h, whole } from "./dom.js";
import { nothingAt } from "./drawer.js";
import { departmentOf } from "./behind.js";
import { listPart } from "./list.js";
import { superviseLink } from "./matters.js";
import { named, say, word } from "./words.js";

const OMITTED = new Set(["region", "url"]);

export function integrityPart({ data }) {
  if (!data.integrity) return null;
  const checks = [...data.integrity.checks].sort((a, b) => Number(b.count > 0) - Number(a.count > 0));
  return h(
    "section",
    { class: "integrity" },
    h("h2", {}, say("integrity"), " ", h("small", {}, say("integrityHint"))),
    h("div", { class: "checks" }, checks.map(check)),
  );
}

function check({ id, names, count, of }) {
  return h(
    "a",
    { class: count ? "check found" : "check", href: `#/check/${id}`, "data-key": `check-${id}` },
    h("b", { "aria-hidden": "true" }, count ? "!" : "✓"),
    h("span", {}, named(names)),
    h("strong", {}, whole(count)),
    h("small", { class: "hint" }, word("of", of)),
  );
}

export const view = { needsBoard: true, show: showCheck };

async function showCheck(drawer, context, [id], query) {
  if (!context.data.integrity) return drawer.draw(say("loading"), h("p", { role: "status" }, say("loading")));
  const found = context.data.integrity.checks.find((one) => one.id === id);
  if (!found) return nothingAt(drawer);
  const { region, hall, department } = context;
  const parts = found.cases.length ? await listPart({
    id: `check-${id}`,
    path: "/v1/integrity",
    asked: { region: region.region, hall, department, check: id },
    rows: (answer) => answer.checks[0].cases,
    table: "stacked",
    columns: columnsOf(found.cases[0], context),
  }, query) : [h("p", {}, say("nothingFound"))];
  return drawer.draw(
    named(found.names),
    h(
      "p",
      { class: "facts" },
      h("span", {}, say("total"), " ", h("strong", { class: "big" }, whole(found.count)), " ", word("of", found.of)),
      found.truncated ? h("span", { class: "hint" }, say("firstFindings", { n: found.cases.length })) : null,
    ),
    ...groups(found, context),
    ...parts,
  );
}

/** A number under `decided` counts cases; a date is when one was decided. */
function columnsOf(row, context) {
  const names = Object.keys(row).filter((name) => !OMITTED.has(name) && !name.endsWith("_names"));
  const head = (name) => word("column", name === "decided" && typeof row[name] === "number" ? "decided_cases" : name);
  return names.map((name) => ({ key: name, head: head(name), kind: typeof row[name] === "number" ? "number" : null, cell: (one) => value(one, name, context) }));
}

/** Who has the findings: the largest departments, halls and items, each with the share of what is questioned. */
function groups({ id, groups = [] }, context) {
  const kinds = ["department", "hall", "item"].map((by) => groups.filter((one) => one.by === by).slice(0, 10));
  return kinds.filter((own) => own.length).map((own) =>
    h("div", { class: "scroll" }, h("table", { class: "groups" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, word("column", own[0].by === "item" ? "item_code" : own[0].by)), h("th", { scope: "col" }, say("total")), h("th", { scope: "col" }, say("questioned")))),
      h("tbody", {}, own.map((one) => h("tr", {}, h("td", {}, named(one.names)), h("td", { class: "number" }, whole(one.count)), h("td", { class: "number" }, one.of ? `${(one.share * 100).toFixed(1)} % / ${whole(one.of)}` : ""), one.by === "department" ? h("td", {}, superviseLink(context, "finding", id, one.id)) : null))))));
}

function value(row, name, context) {
  if (name === "case_id" && row.url) return h("a", { href: `#/case/${row.url.replace("/v1/cases/", "")}` }, row.case_id);
  if (name === "department") return departmentOf(context, row);
  if (row[`${name}_names`]) return named(row[`${name}_names`]);
  return typeof row[name] === "number" ? whole(row[name]) : row[name] ?? "";
}
