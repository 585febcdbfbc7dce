// The month's form of a department: what is asked, last month beside it, checks as one types, and the bureau's judgement.

import { ask, fetchFile, tell } from "./api.js";
import { clockTime, h, shown, whole } from "./dom.js";
import { uploadAddress } from "./upload.js";
import { cellChip } from "./outstanding.js";
import { named, say, word } from "./words.js";

export const view = { show: (drawer, context, [department, month]) => showForm(drawer, context, department, month) };

async function showForm(drawer, context, department, month, done) {
  const form = await ask("/v1/form", { region: context.region.region, department, month });
  const may = new Set(context.me.may);
  const mine = may.has("declare");
  const lines = form.rows.map((row) => line(row, form, mine));
  const told = h("p", { role: "status", class: "hint" }, done || "");
  const again = (text) => showForm(drawer, context, department, month, text);
  drawer.draw(
    `${named(form.names)} · ${form.month}`,
    standing(form.report),
    h("div", { class: "scroll" }, h("table", { class: "cases report" }, h("thead", {}, heads(form, mine)), h("tbody", {}, lines.map((one) => one.row)))),
    told,
    mine && lines.length ? h("p", {}, h("button", { type: "button", class: "main", onclick: (event) => submit(event.target, form, lines, told, again) }, say("submitReport"))) : null,
    may.has("import") && mine && lines.length ? byTable(form, told) : null,
    may.has("review") && form.report && form.rows.some((row) => row.history.length) ? judging(form, again) : null,
    history(form),
  );
}

/** The same form as a table: to be filled in elsewhere and uploaded. */
function byTable(form, told) {
  const { region, department, month } = form;
  const fetchForm = () => fetchFile("/v1/templates", { kind: "figures", region, department, month }).catch((error) => { told.textContent = error.message; });
  return h("p", { class: "facts" }, h("button", { type: "button", onclick: fetchForm }, say("uploadTemplate")), h("a", { href: uploadAddress() }, say("upload")));
}

function standing(report) {
  if (!report) return h("p", { class: "hint" }, say("nothingAsked"));
  const review = report.review;
  return h(
    "div",
    {},
    h("p", { class: "facts" }, cellChip(report), h("span", { class: "hint" }, say("reportBy", { day: report.last_day }))),
    review ? h("p", { class: review.verdict === "returned" ? "warning" : "hint" }, say(review.verdict === "returned" ? "returnedBy" : "seenBy", { who: review.by, at: clockTime(review.at), why: review.reason })) : null,
  );
}

const NUMBERS = new Set(["numerator", "denominator"]);

const heads = (form, mine) => h("tr", {}, ["indicator", "numerator", "denominator", mine ? "note" : null].filter(Boolean).map((key) => h("th", { scope: "col", class: NUMBERS.has(key) ? "number" : null }, say(key))), h("th", { scope: "col", class: "number" }, form.before), h("th", { scope: "col" }, say("checked")));

function line(row, form, mine) {
  const share = row.unit === "share";
  const now = row.now;
  const wanted = new Set(form.report?.review?.verdict === "returned" && form.report.state === "returned" ? form.report.review.indicators : []);
  const field = (name, value, label) => h("input", { type: "text", inputmode: "numeric", class: "count", name: `${row.indicator}-${name}`, "aria-label": `${named(row.names)} ${label}`, value, autocomplete: "off", maxlength: 12 });
  const numerator = field("numerator", now ? String(now.numerator) : "", say("numerator"));
  const denominator = row.unit === "count" ? null : field("denominator", now?.denominator === null || !now ? "" : String(now.denominator), say("denominator"));
  const note = h("input", { type: "text", name: `${row.indicator}-note`, "aria-label": `${named(row.names)} ${say("note")}`, value: now?.note || "", maxlength: 200, autocomplete: "off" });
  const verdict = h("td", { class: "check-cell", "aria-live": "polite" });
  const read = () => {
    const found = judge(numerator.value, denominator && denominator.value, share);
    const same = now && found.figure && found.figure.numerator === now.numerator && (found.figure.denominator ?? null) === now.denominator && note.value === (now.note || "");
    verdict.textContent = found.empty ? (row.asked ? say("stillMissing") : "") : found.wrong ? found.wrong : same ? say("asReported") : share && found.figure.denominator ? shown(found.figure.numerator / found.figure.denominator, "share") : "✓";
    verdict.className = found.wrong ? "check-cell late" : "check-cell";
    return { ...found, same };
  };
  for (const one of [numerator, denominator]) one?.addEventListener("input", read);
  note.addEventListener("input", read);
  const text = (value) => (value === null || value === undefined ? "" : whole(value));
  const element = h(
    "tr",
    { class: wanted.has(row.indicator) ? "wanted" : null },
    h("th", { scope: "row" }, named(row.names), row.asked ? null : h("small", { class: "hint" }, ` ${say("voluntary")}`)),
    h("td", { class: "number", "data-label": say("numerator") }, mine ? numerator : text(now?.numerator)),
    h("td", { class: "number", "data-label": row.unit === "count" ? null : say("denominator") }, mine ? denominator : text(now?.denominator)),
    mine ? h("td", { "data-label": say("note") }, note) : null,
    h("td", { class: "number" }, row.before ? [text(row.before.numerator), row.before.denominator === null ? "" : ` / ${text(row.before.denominator)}`] : "—"),
    verdict,
  );
  read();
  return { row: element, indicator: row.indicator, read, note, verdict };
}

/** Digits as an input method may write them, １，２３４ or 1 234, as plain ones. */
const plainDigits = (typed) => typed.normalize("NFKC").replace(/[,\s]/g, "");

/** What is typed, as a figure or as a fault; the server judges it again. */
function judge(numerator, denominator, share) {
  const [n, d] = [plainDigits(numerator), denominator === null ? null : plainDigits(denominator)];
  if (!n && !d) return { empty: true };
  if (!/^\d{1,12}$/.test(n) || (d && !/^\d{1,12}$/.test(d))) return { wrong: say("wholeNumbers") };
  if (share && !d) return { wrong: say("denominatorMissing") };
  if (share && Number(n) > Number(d)) return { wrong: say("overDenominator") };
  return { figure: { numerator: Number(n), ...(d ? { denominator: Number(d) } : {}) } };
}

async function submit(button, form, lines, told, again) {
  const read = lines.map((one) => ({ ...one, found: one.read() }));
  if (read.some((one) => one.found.wrong)) {
    told.textContent = say("mendFirst");
    return;
  }
  const changed = read.filter((one) => one.found.figure && !one.found.same);
  if (!changed.length) {
    told.textContent = say("nothingChanged");
    return;
  }
  button.disabled = true;
  const figures = changed.map((one) => ({ indicator: one.indicator, ...one.found.figure, ...(one.note.value.trim() ? { note: one.note.value.trim() } : {}) }));
  try {
    await tell("/v1/figures", { region: form.region, department: form.department, period: form.month, figures });
    const revisions = new Map(form.rows.map((row) => [row.indicator, row.history.length]));
    await stored(form, changed.map((one) => one.indicator), revisions);
    await again(say("reportTaken", { n: changed.length }));
  } catch (error) {
    told.textContent = say("notTaken", { why: error.message });
    for (const result of error.results || []) if (result.detail) changed[result.index].verdict.textContent = result.detail;
    button.disabled = false;
  }
}

/** Figures go through the broker: wait until they are stored, a few seconds at most; they are safe in any case. */
async function stored(form, indicators, before) {
  for (let look = 0; look < 20; look += 1) {
    const now = await ask("/v1/form", { region: form.region, department: form.department, month: form.month });
    if (now.rows.every((row) => !indicators.includes(row.indicator) || row.history.length > before.get(row.indicator))) return;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

function judging(form, again) {
  const reason = h("textarea", { id: "reason", rows: 2, maxlength: 500 });
  const wrong = h("p", { class: "bad", role: "alert" });
  const boxes = form.rows.filter((row) => row.history.length).map((row) => ({ indicator: row.indicator, box: h("input", { type: "checkbox", value: row.indicator }), names: row.names }));
  const post = (verdict) => async (event) => {
    const { target: button } = event;
    button.disabled = true;
    const chosen = boxes.filter((one) => one.box.checked).map((one) => one.indicator);
    try {
      await tell("/v1/reviews", { region: form.region, department: form.department, month: form.month, verdict, reason: reason.value, indicators: verdict === "returned" ? chosen : [] });
      await again(say(verdict === "returned" ? "isReturned" : "isSeen"));
    } catch (error) {
      wrong.textContent = error.message;
      button.disabled = false;
    }
  };
  return h(
    "section",
    { class: "judging fields" },
    h("h3", {}, say("judgeReport")),
    h("fieldset", {}, h("legend", {}, say("whichToCorrect")), boxes.map((one) => h("label", {}, one.box, " ", named(one.names)))),
    h("label", { for: "reason" }, say("reason")),
    reason,
    wrong,
    h("p", { class: "facts" }, h("button", { type: "button", class: "main", onclick: post("seen") }, say("markSeen")), h("button", { type: "button", onclick: post("returned") }, say("returnReport"))),
  );
}

function history(form) {
  const said = form.rows.flatMap((row) => row.history.map((one) => ({ ...one, names: row.names })));
  said.sort((a, b) => (a.time < b.time ? 1 : -1));
  if (!said.length) return null;
  return h(
    "section",
    { class: "events" },
    h("h3", {}, say("reportHistory")),
    h("ul", {}, said.map((one) => h("li", {}, h("time", {}, clockTime(one.time)), h("b", {}, named(one.names)), h("span", {}, one.denominator === null ? whole(one.numerator) : `${whole(one.numerator)} / ${whole(one.denominator)}`), h("span", { class: "hint" }, [one.reporter, word("figure", one.status), one.note].filter(Boolean).join(" · "))))),
  );
}
