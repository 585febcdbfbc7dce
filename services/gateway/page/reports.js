// Reports: made and published by the bureau, read and downloaded by all who read the region.

import { ask, download, tell } from "./api.js";
import { clockTime, h, monthName } from "./dom.js";
import { named, say, word } from "./words.js";
import "./officewords.js";

const MONTHS = 12;
const FORMS = ["docx", "xlsx", "html", "pdf"];

export const view = { show: (drawer, context) => showReports(drawer, context) };

/** made: the draft that was just made, which no list shows. */
async function showReports(drawer, context, told, made) {
  const found = await ask("/v1/reports", { region: context.region.region });
  const again = (text, draft) => showReports(drawer, context, text, draft);
  const may = context.me.may.includes("report") && context.region.level === "county";
  drawer.draw(
    say("reportsOf"),
    may ? maker(context, again) : null,
    h("p", { role: "status", class: "hint" }, told || ""),
    made ? listed(say("reportNew"), [made], context) : null,
    found.reports.length ? listed(say("reportsPublished"), found.reports, context) : h("p", {}, say("nonePublished")),
  );
}

/** A period YYYY-MM, YYYY-Qn or YYYY in words. */
export function reportPeriod(period) {
  const [year, part] = period.split("-");
  if (!part) return say("yearName", { year });
  return part.startsWith("Q") ? say("quarterName", { year, n: part.slice(1) }) : monthName(Number(year), Number(part));
}

/** The periods that a report is asked for, the newest first: the last twelve months, their quarters and years. */
function periods(on) {
  const [year, month] = on.split("-").map(Number);
  const months = [...Array(MONTHS).keys()].map((n) => new Date(Date.UTC(year, month - 2 - n, 1)));
  const quarters = [...new Set(months.map((one) => `${one.getUTCFullYear()}-Q${Math.floor(one.getUTCMonth() / 3) + 1}`))];
  return [...months.map((one) => one.toISOString().slice(0, 7)), ...quarters, ...new Set(months.map((one) => String(one.getUTCFullYear())))];
}

const field = (id, key, input) => [h("label", { for: id }, say(key)), input];
const select = (id, options) => h("select", { id }, options.map(([value, text]) => h("option", { value }, text)));

function maker(context, again) {
  const departments = context.data?.departments?.departments || [];
  const period = select("report-period", periods(context.regions.on).map((one) => [one, reportPeriod(one)]));
  const of = select("report-of", [["", say("wholeRegion")], ...departments.map((one) => [one.id, named(one.names)])]);
  const language = select("report-language", ["zh", "both"].map((one) => [one, word("language", one)]));
  const told = h("p", { role: "status", class: "hint" }, say("reportHint"));
  const order = (publish) => async () => {
    for (const button of buttons) button.disabled = true;
    told.textContent = say("reportMaking");
    try {
      const body = { region: context.region.region, month: period.value, language: language.value, publish, ...(of.value ? { department: of.value } : {}) };
      const made = await tell("/v1/reports", body);
      await again(say(publish ? "reportPublished" : "reportMade"), publish ? null : made);
    } catch (error) {
      told.textContent = say("notTaken", { why: error.message });
      for (const button of buttons) button.disabled = false;
    }
  };
  const buttons = [h("button", { type: "button", class: "main", onclick: order(false) }, say("makeDraft")), h("button", { type: "button", onclick: order(true) }, say("publishReport"))];
  return h("section", { class: "fields making" }, h("h3", {}, say("makeReport")),
    h("p", { class: "facts" }, field("report-period", "monthlyPeriod", period), field("report-of", "reportOf", of), field("report-language", "reportLanguage", language)),
    told, h("p", { class: "facts" }, buttons));
}

function listed(title, reports, context) {
  const heads = ["monthlyPeriod", "reportOf", "publishedAt", "publishedBy", "download"];
  return h("section", {}, h("h3", {}, title),
    h("div", { class: "scroll" }, h("table", { class: "cases stacked" }, h("thead", {}, h("tr", {}, heads.map((key) => h("th", { scope: "col" }, say(key))))), h("tbody", {}, reports.map((one) => row(one, context))))));
}

function row(one, { region }) {
  const whose = one.department_names || one.hall_names;
  const cell = (key, ...children) => h("td", { "data-label": say(key) }, children);
  return h("tr", {},
    cell("monthlyPeriod", h("b", {}, reportPeriod(one.month)), one.language === "both" ? h("small", { class: "hint" }, ` ${word("language", "both")}`) : null),
    cell("reportOf", whose ? named(whose) : named(region.names)),
    cell("publishedAt", h("time", {}, clockTime(one.published)), " ", one.intact ? null : h("span", { class: "late" }, say("reportBroken"))),
    cell("publishedBy", one.publisher.split(" by ")[0]),
    cell("download", h("span", { class: "facts" }, FORMS.filter((form) => form in one.sha256).map((form) => fetcher(one, form)))));
}

function fetcher(one, form) {
  const button = h("button", { type: "button", "aria-label": `${reportPeriod(one.month)} ${word("form", form)}`, onclick: async () => {
    button.disabled = true;
    await download(`/v1/reports/${one.id}`, { format: form }).catch((error) => { button.title = error.message; });
    button.disabled = false;
  } }, word("form", form));
  return button;
}
