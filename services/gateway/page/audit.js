// Who did what: the audit's lines, by page, each with the person.

import { ask } from "./api.js";
import { caseAddress } from "./case.js";
import { clockTime, h } from "./dom.js";
import { reportPeriod } from "./reports.js";
import { named, say, word } from "./words.js";
import "./officewords.js";
import "./uploadwords.js";

const PAGE = 50;
const KINDS = ["figures", "matter", "task", "upload", "import", "draft", "report", "notice", "access", "account", "session", "hall", "token"];
const OF_THE_SUITE = new Set(["figures", "matter", "task", "upload", "draft", "report", "notice"]);

export const view = { show: (drawer, context, _, query) => showAudit(drawer, context, query.get("action") || "") };

async function showAudit(drawer, context, action) {
  const asked = { region: context.region.region, action, limit: PAGE };
  const first = await ask("/v1/audit", asked);
  const rows = h("tbody", {}, first.entries.map((one) => row(one, context)));
  let cursor = first.next_cursor;
  const more = h("button", { type: "button", hidden: !cursor, onclick: async () => {
    more.disabled = true;
    const page = await ask("/v1/audit", { ...asked, cursor }).catch(() => null);
    more.disabled = false;
    if (!page) return;
    rows.append(...page.entries.map((one) => row(one, context)));
    cursor = page.next_cursor;
    more.hidden = !cursor;
  } }, say("more"));
  const kind = h("select", { id: "audit-kind", onchange: () => { location.hash = kind.value ? `#/audit?action=${kind.value}` : "#/audit"; } },
    h("option", { value: "" }, say("auditAll")), KINDS.map((one) => h("option", { value: one, selected: one === action }, word("audit", one))));
  const heads = ["auditWhen", "auditWho", "auditWhat", "auditSubject", "auditSaid"];
  drawer.draw(
    say("auditOf"),
    h("p", { class: "facts" }, h("label", { for: "audit-kind" }, say("auditKind")), kind, h("span", { class: "hint" }, say("auditHint"))),
    first.entries.length
      ? h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": say("auditOf") }, h("table", { class: "cases stacked audit" }, h("thead", {}, h("tr", {}, heads.map((key) => h("th", { scope: "col" }, say(key))))), rows))
      : h("p", {}, say("auditNone")),
    more,
  );
}

/** The person alone: services write their own name beside it. */
const person = (by) => by.replace(/^bureau: /, "").split(" by ")[0] || say("auditSuite");

function row(one, context) {
  const cell = (key, kind, ...children) => h("td", { class: kind, "data-label": say(key) }, children);
  return h("tr", {},
    cell("auditWhen", "day", h("time", {}, clockTime(one.at))),
    cell("auditWho", "wrap", person(one.by)),
    cell("auditWhat", "wrap", actionOf(one)),
    cell("auditSubject", "wrap", subjectOf(one, context)),
    cell("auditSaid", "wrap", one.said));
}

function actionOf(one) {
  const known = `done_${one.action}`;
  const text = say(known);
  return text === known ? one.action.replace(".", " ").replaceAll("_", " ") : text;
}

/** Of what, by name and with a link where the page shows it. */
function subjectOf(one, context) {
  const [kind] = one.action.split(".");
  const whose = one.department_names ? named(one.department_names) : "";
  const also = (...shown) => shown.filter(Boolean).flatMap((part, n) => (n ? [" · ", part] : [part]));
  if (kind === "figures") return also(monthLink(one), whose);
  if (kind === "matter") return also(h("a", { href: `#/matters/${one.subject}` }, say("ofMatter", { n: one.subject })), aboutOf(one), whose);
  if (kind === "task") return also(one.subject.split("/").at(-1), whose);
  if (kind === "report") return also(reportPeriod(one.subject.split("-").slice(1).join("-")), whose);
  if (kind === "notice") return one.alert ? named(one.alert) : "";
  if (kind === "hall" && one.region) return hallOf(one, context);
  return OF_THE_SUITE.has(kind) ? also(one.subject, whose) : one.subject;
}

const monthLink = (one) => (one.department && /^\d{4}-\d{2}$/.test(one.subject) ? h("a", { href: `#/form/${encodeURIComponent(one.department)}/${one.subject}` }, one.subject) : one.subject);

function aboutOf(one) {
  if (one.target_names) return named(one.target_names);
  const [about, subject] = (one.about || "").split(" ");
  if (about === "case") return h("a", { href: caseAddress(one.region, subject) }, subject.split("/").slice(1).join("/"));
  return about ? word("about", about) : null;
}

function hallOf(one, { regions }) {
  const id = one.subject.split(".").at(-1);
  const found = regions.halls.find((other) => other.hall === id && other.region === one.region);
  return found ? named(found.names) : id;
}
