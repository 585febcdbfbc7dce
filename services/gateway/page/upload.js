// Tables uploaded: sent, looked at, asked about, imported. What stands in a file is only ever text here.

import { ask, fetchFile, send, tell } from "./api.js";
import { clockTime, h, shown, whole } from "./dom.js";
import { nothingAt } from "./drawer.js";
import { listPart } from "./list.js";
import { inChinese, named, say, word } from "./words.js";
import "./uploadwords.js";
import "./whatifwords.js";

const AT_WORK = new Set(["waiting", "reading", "importing"]);
const LOOK_MS = 500;
const ROWS = ["read", "new", "changed", "unchanged", "repeated", "refused"];
const STATES = ["waiting", "reading", "asked", "ready", "importing", "imported", "unreadable", "failed"];
const TONES = { ready: "good", imported: "good", asked: "warn", unreadable: "bad", failed: "bad" };
const text = (one) => (inChinese() ? one.text : one.text_en || one.text);

export const uploadAddress = (number) => (number ? `#/upload/${number}` : "#/upload");
export const view = { show: (drawer, context, [number], query) => (number ? showUpload(drawer, context, number) : showUploads(drawer, context, query)) };

const kindsOf = ({ hall, department }) => (hall ? ["cases"] : department ? ["figures"] : ["catalogue", "cases", "figures"]);

async function showUploads(drawer, context, query) {
  const may = context.me.may.includes("import");
  if (!may) return nothingAt(drawer, "notForYou");
  const choices = (codes) => codes.map((one) => [one, word("upload", one)]);
  const parts = await listPart({
    id: "uploads",
    path: "/v1/uploads",
    asked: { region: context.region.region },
    rows: (answer) => answer.uploads,
    empty: say("noUploads"),
    filters: [
      { key: "state", head: say("uploadState"), choices: choices(STATES) },
      ...(kindsOf(context).length > 1 ? [{ key: "kind", head: say("uploadKind"), choices: choices(kindsOf(context)) }] : []),
    ],
    columns: [
      { key: "at", head: say("uploadedAt"), kind: "day", cell: (one) => clockTime(one.at) },
      { key: "name", head: say("fileName"), kind: "wrap", cell: (one) => h("a", { href: uploadAddress(one.id) }, one.name) },
      { key: "kind", head: say("uploadKind"), cell: (one) => word("upload", one.kind) },
      { key: "state", head: say("uploadState"), cell: (one) => chip(one.state) },
      { key: "events", head: say("uploadEvents"), kind: "number", off: true, cell: (one) => (one.events === null ? "" : whole(one.events)) },
      { key: "by", head: say("uploadedBy"), off: true, cell: (one) => one.by },
    ],
  }, query);
  return drawer.draw(say("uploads"), sender(context), h("h3", {}, say("uploadsOfMine")), ...parts);
}

const chip = (state) => h("span", { class: `chip is-upload is-${TONES[state] || "calm"}` }, word("upload", state));

function sender(context) {
  const { region, regions, department, hall } = context;
  const kinds = kindsOf(context);
  const halls = regions.halls.filter((one) => one.region === region.region);
  const kind = h("select", { id: "upload-kind", onchange: () => fit() }, kinds.map((one) => h("option", { value: one }, word("upload", one))));
  const names = h("datalist", { id: "upload-halls" }, halls.map((one) => h("option", { value: one.hall }, named(one.names))));
  const ofHall = h("input", { id: "upload-hall", list: "upload-halls", value: halls[0]?.hall || "", maxlength: 40, autocomplete: "off" }); // also one without a name
  const file = h("input", { type: "file", id: "upload-file" });
  const codes = h("input", { type: "checkbox", id: "upload-codes", checked: true });
  const month = h("input", { type: "month", id: "upload-month", value: monthBefore() });
  const told = h("p", { role: "status", class: "hint" }, say("uploadHint"));
  const button = h("button", { type: "button", class: "main", onclick: () => post() }, say("uploadNow"));
  const rows = {
    hall: h("p", {}, h("label", { for: "upload-hall" }, say("uploadHall")), " ", ofHall, names),
    codes: h("p", {}, h("label", {}, codes, " ", say("uploadCodes"))),
    month: h("p", {}, h("label", { for: "upload-month" }, say("uploadMonth")), " ", month),
  };
  const fit = () => {
    rows.hall.hidden = kind.value !== "cases" || Boolean(hall);
    rows.codes.hidden = kind.value === "figures";
    rows.month.hidden = kind.value !== "figures" || !department;
    template.hidden = kind.value === "figures" && !department;
  };
  const template = h("button", { type: "button", onclick: async () => {
    const asked = kind.value === "figures" ? { kind: "figures", region: region.region, department, month: month.value } : { kind: kind.value };
    await fetchFile("/v1/templates", asked).catch((error) => { told.textContent = error.message; });
  } }, say("uploadTemplate"));
  async function post() {
    if (!file.files.length) return void (told.textContent = say("chooseFile"));
    button.disabled = true;
    told.textContent = say("sending");
    try {
      const one = await send("/v1/uploads", {
        region: region.region, kind: kind.value, name: file.files[0].name,
        hall: kind.value === "cases" ? hall || ofHall.value : null,
        plan_codes: kind.value !== "figures" && codes.checked ? "true" : "false",
      }, file.files[0]);
      location.hash = uploadAddress(one.id);
    } catch (error) {
      told.textContent = say("notTaken", { why: error.message });
      button.disabled = false;
    }
    return undefined;
  }
  fit();
  return h("section", { class: "fields uploading" },
    kinds.length > 1 ? h("p", {}, h("label", { for: "upload-kind" }, say("uploadKind")), " ", kind) : h("p", {}, h("b", {}, word("upload", kinds[0]))),
    rows.hall, rows.month,
    h("p", {}, h("label", { for: "upload-file" }, say("uploadFile")), h("br", {}), file),
    rows.codes, told, h("p", { class: "facts" }, button, template));
}

function monthBefore() {
  const now = new Date(Date.now() + 8 * 3600000);
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 1)).toISOString().slice(0, 7);
}

async function showUpload(drawer, context, number, told) {
  let one = await ask(`/v1/uploads/${number}`);
  while (AT_WORK.has(one.state)) {
    drawer.draw(one.name, working(one));
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    if (!drawer.isCurrent()) return undefined;
    one = await ask(`/v1/uploads/${number}`);
  }
  return drawer.draw(one.name, ...result(one, drawer, context, told));
}

function working(one) {
  const bar = h("progress", { max: Math.max(one.total, 1), "aria-label": word("upload", one.state) });
  if (one.total) bar.value = one.done;
  return h("div", { role: "status" }, h("p", { class: "facts" }, chip(one.state), one.total ? h("span", { class: "hint" }, say("rowsDone", { done: whole(one.done), total: whole(one.total) })) : null), bar);
}

function result(one, drawer, context, said) {
  const told = one.told;
  const status = h("p", { role: "status", class: "hint" }, said || "");
  const again = (text_) => showUpload(drawer, context, one.id, text_);
  const act = (action, body) => async (event) => {
    event.target.disabled = true;
    try {
      await tell(`/v1/uploads/${one.id}/${action}`, body());
      if (action === "discard") location.hash = uploadAddress();
      else await again();
    } catch (error) {
      status.textContent = say("notTaken", { why: error.message });
      event.target.disabled = false;
    }
  };
  const rows = one.rows || told?.rows || {};
  return [
    h("p", { class: "facts" }, chip(one.state), h("span", { class: "hint" }, [word("upload", one.kind), one.hall_names && one.kind === "cases" ? named(one.hall_names) : null, one.by, clockTime(one.at)].filter(Boolean).join(" · "))),
    one.why.length ? h("p", { class: "warning" }, inChinese() ? one.why[0] : one.why[1] || one.why[0]) : null,
    one.state === "imported" ? h("p", {}, say("uploadDone", { events: whole(one.events) })) : null,
    Object.keys(rows).length ? h("p", { class: "facts counts" }, ROWS.filter((name) => rows[name] || name === "read").map((name) => h("span", { class: name === "refused" ? "late" : null }, word("rows", name), " ", h("strong", {}, whole(rows[name] || 0))))) : null,
    told && one.state === "asked" ? questions(told, (answers) => act("answers", () => ({ answers })), status) : null,
    told ? refusals(told) : null,
    one.rejected ? h("p", {}, h("button", { type: "button", onclick: () => fetchFile(`/v1/uploads/${one.id}/rejected`, {}).catch((error) => { status.textContent = error.message; }) }, say("downloadRejected"))) : null,
    told && one.state !== "asked" ? effects(told) : null,
    told ? notes(told) : null,
    told ? howRead(told) : null,
    status,
    h("p", { class: "facts" },
      one.state === "ready" ? h("button", { type: "button", class: "main", disabled: !(rows.new || rows.changed), onclick: act("import", () => ({})) }, say(one.kind === "figures" ? "submitNow" : "importNow")) : null,
      one.state === "ready" && !(rows.new || rows.changed) ? h("span", { class: "hint" }, say("importNothing")) : null,
      one.state === "ready" && one.kind === "catalogue" ? h("a", { href: `#/whatif?upload=${one.id}` }, say("whatIfUpload")) : null,
      one.state === "failed" ? h("button", { type: "button", class: "main", onclick: act("answers", () => ({ answers: one.told ? one.answers : {} })) }, say("tryUploadAgain")) : null,
      one.state !== "imported" ? h("button", { type: "button", onclick: act("discard", () => ({})) }, say("discardUpload")) : null,
      h("a", { href: uploadAddress() }, say("uploads"))),
  ];
}

function questions(told, answer, status) {
  const asked = told.questions.map((one, index) => ({ one, ...field(one, `question-${index}`) }));
  const post = (event) => {
    const given = asked.map(({ one, value }) => [one.id, value()]);
    if (given.some(([, value]) => !value)) return void (status.textContent = say("answerMissing"));
    return answer(Object.fromEntries(given))(event);
  };
  return h("section", { class: "judging fields questions" }, h("h3", {}, say("questionsOf")), asked.map((one) => one.element), h("p", {}, h("button", { type: "button", class: "main", onclick: post }, say("answerAll"))));
}

/** A question's choices as radio buttons, or a day; defaults and answers given before are chosen. */
function field(question, name) {
  const chosen = question.answer ?? question.default ?? "";
  if (!question.choices.length) {
    const day = h("input", { type: "date", name, value: chosen, "aria-label": say("dayOfEffect") });
    return { element: h("fieldset", {}, h("legend", {}, text(question)), day), value: () => day.value };
  }
  const boxes = question.choices.map((one) => h("input", { type: "radio", name, value: one.value, checked: one.value === chosen }));
  const element = h("fieldset", {}, h("legend", {}, text(question)), question.choices.map((one, index) => h("label", {}, boxes[index], " ", text(one))));
  return { element, value: () => boxes.find((box) => box.checked)?.value || "" };
}

const table = (heads, rows) => h("div", { class: "scroll" }, h("table", { class: "cases report" }, h("thead", {}, h("tr", {}, heads.map((key) => h("th", { scope: "col", class: key.startsWith("effectB") || key === "effectAfter" ? "number" : null }, say(key))))), h("tbody", {}, rows)));

function refusals(told) {
  if (!told.refused.length) return null;
  const line = (one) => h("tr", {},
    h("td", {}, h("b", {}, text(one)), " × ", whole(one.rows)),
    h("td", {}, one.column),
    h("td", {}, one.places.map((place) => `${place.sheet ? `${place.sheet} ` : ""}${place.line}${place.value ? `（${place.value}）` : ""}`).join("；")),
    h("td", {}, inChinese() ? one.remedy : one.remedy_en));
  return h("section", { class: "refusals" }, h("h3", {}, say("refusedRows")), table(["refusedWhy", "refusedColumn", "refusedWhere", "refusedRemedy"], told.refused.map(line)));
}

function effects(told) {
  const value = ([numerator, denominator], unit) => (denominator === 0 ? "—" : unit === "count" ? whole(numerator) : `${whole(numerator)} / ${whole(denominator)}`);
  const part = ([numerator, denominator], unit) => (denominator && unit !== "count" ? ` ${shown(numerator / denominator, unit)}` : "");
  const cell = (figure, unit) => h("td", { class: "number" }, value(figure, unit), h("small", { class: "hint" }, part(figure, unit)));
  const line = (one) => h("tr", { class: String(one.before) === String(one.after) ? null : "wanted" }, h("th", { scope: "row" }, named(one.indicator_names) || one.indicator), h("td", {}, one.period), cell(one.before, one.unit), cell(one.after, one.unit));
  return h("section", { class: "effects" }, h("h3", {}, say("effectsOf"), " ", h("small", { class: "hint" }, say("effectsHint"))), told.effects.length ? table(["indicator", "effectPeriod", "effectBefore", "effectAfter"], told.effects.map(line)) : h("p", { class: "hint" }, say("noEffects")));
}

function notes(told) {
  if (!told.notes.length) return null;
  const example = (one) => `${one.line}${one.key ? ` ${one.key}` : ""}${one.written || one.became ? `：${one.written} → ${one.became}` : ""}`;
  return h("section", {}, h("h3", {}, say("notesOf")), h("ul", {}, told.notes.map((one) => h("li", {}, `${whole(one.rows)} × ${text(one)}`, h("div", { class: "hint" }, one.examples.slice(0, 3).map(example).join("；"))))));
}

function howRead(told) {
  const sheet = (one) => h("li", {}, `${one.name || "—"}：`, one.read ? say("sheetHeader", { lines: one.header.join("、") }) : say("sheetNotRead", { why: inChinese() ? one.why : one.why_en }));
  const sample = (one) => (one.written === one.became ? one.written : `${one.written} → ${one.became || "—"}`);
  const line = (one) => h("tr", {}, h("td", {}, one.field), h("td", {}, `${one.column} ${one.header}`, one.unit ? h("span", { class: "hint" }, ` ${one.unit}`) : null), h("td", {}, one.samples.map(sample).join("；")));
  const hints = [
    told.unused.length ? say("unusedColumns", { names: told.unused.join("、") }) : null,
    ...told.missing.map((one) => say("missingColumn", { name: one.name, affects: one.affects })),
    told.departments.length ? say("newDepartments", { names: told.departments.join("、") }) : null,
  ].filter(Boolean);
  return h("details", {}, h("summary", {}, `${say("howRead")}：${inChinese() ? told.profile.zh : told.profile.en}`),
    h("ul", {}, told.sheets.map(sheet)),
    hints.map((one) => h("p", { class: "hint" }, one)),
    table(["columnField", "columnHeader", "columnSamples"], told.columns.map(line)));
}
