// What if: items changed in thought, each figure and target before and after, drafts kept and handed on.

import { ask, tell } from "./api.js";
import { clockTime, difference, h, shown, whole } from "./dom.js";
import { nothingAt } from "./drawer.js";
import { whoseOf } from "./typed.js";
import { chip } from "./states.js";
import { uploadAddress } from "./upload.js";
import { named, say, word } from "./words.js";
import "./whatifwords.js";

const FLAGS = ["settled", "unified", "full_process", "tolerates_missing", "commitment"];
const LIMITS = ["statutory_days", "promised_days"];
const SHOWN = 60;
let kept = { of: "", changes: new Map() }; // what is changed in thought, until it is forgotten or someone else is there

export const view = { show: (drawer, context, [number], query) => (number ? showDraft(drawer, context, number) : showTrial(drawer, context, query.get("upload"))) };

const today = () => new Date(Date.now() + 8 * 3600000).toISOString().slice(0, 10);
const table = (heads, rows, kind = "report") => h("div", { class: "scroll" }, h("table", { class: `cases ${kind}` }, h("thead", {}, h("tr", {}, heads.map((one) => h("th", { scope: "col" }, one)))), h("tbody", {}, rows)));

async function showTrial(drawer, context, upload) {
  if (!context.me.may.includes("what_if")) return nothingAt(drawer, "notForYou");
  const scope = { region: context.region.region, department: context.department };
  const [items, drafts] = await Promise.all([upload ? null : ask("/v1/items", scope), ask("/v1/drafts", scope)]);
  const of = `${whoseOf(context.me)} ${scope.region}`;
  if (kept.of !== of) kept = { of, changes: new Map() };
  const state = { changes: upload ? new Map() : kept.changes, from: today(), upload: upload ? Number(upload) : null, scope };
  const result = h("div", { class: "what-if", "aria-live": "polite" });
  const told = h("p", { role: "status", class: "hint" }, state.changes.size ? say("whatIfChanged", { n: state.changes.size }) : say("whatIfHint"));
  const name = h("input", { type: "text", id: "draft-name", maxlength: 100, autocomplete: "off" });
  const attempt = (path, more, then) => async (event) => {
    if (!state.upload && !state.changes.size) return void (told.textContent = say("whatIfNone"));
    event.target.disabled = true;
    try {
      await then(await tell(path, { ...asked(state), ...more() }));
    } catch (error) {
      told.textContent = error.message;
    }
    event.target.disabled = false;
    return undefined;
  };
  const post = attempt("/v1/whatif", () => ({}), (found) => { told.textContent = ""; result.replaceChildren(moved(found)); });
  const save = attempt("/v1/drafts", () => ({ name: name.value.trim() }), (draft) => { state.changes.clear(); location.hash = `#/whatif/${draft.id}`; });
  return drawer.draw(
    say("whatIf"),
    state.upload ? null : editor(items, state, told),
    told,
    h("p", { class: "facts" },
      h("button", { type: "button", class: "main", onclick: post }, say("whatIfTry")),
      h("label", { for: "draft-name" }, say("draftName")), name,
      h("button", { type: "button", onclick: save }, say("draftSave"))),
    result,
    h("section", { class: "events" }, h("h3", {}, say("drafts")), drafts.drafts.length ? h("ul", {}, drafts.drafts.map(entry)) : h("p", { class: "hint" }, say("noDrafts"))),
  );
}

function asked({ changes, from, upload, scope }) {
  const whose = { region: scope.region, ...(scope.department ? { department: scope.department } : {}) };
  return upload ? { ...whose, upload } : { ...whose, effective_from: from, changes: [...changes.values()] };
}

const entry = (one) => h("li", {}, h("time", {}, clockTime(one.at)), h("a", { href: `#/whatif/${one.id}` }, one.name), h("span", { class: "hint" }, [one.by, one.department_names ? named(one.department_names) : null, one.handed ? say("draftHanded") : null].filter(Boolean).join(" · ")));

function editor(first, state, told) {
  const count = h("span", { class: "hint" });
  const body = h("div", {});
  const from = h("input", { type: "date", id: "what-if-from", value: state.from, min: state.from, onchange: () => { state.from = from.value || state.from; } });
  const search = h("input", { type: "search", id: "what-if-search", maxlength: 64, autocomplete: "off", onchange: () => again() });
  const note = () => { told.textContent = state.changes.size ? say("whatIfChanged", { n: state.changes.size }) : say("whatIfHint"); };
  const draw = (found) => {
    count.textContent = say("whatIfItems", { shown: whole(Math.min(found.items.length, SHOWN)), total: whole(found.total) });
    body.replaceChildren(table([say("item"), ...fieldNames()], found.items.slice(0, SHOWN).map((item) => row(item, state, note)), "report items"));
  };
  const again = async () => draw(await ask("/v1/items", { ...state.scope, text: search.value.trim() || null }));
  draw(first);
  return h("section", { class: "fields" },
    h("p", { class: "facts" }, h("label", { for: "what-if-from" }, say("whatIfFrom")), from, h("label", { for: "what-if-search" }, say("whatIfSearch")), search, count,
      h("button", { type: "button", onclick: () => { state.changes.clear(); note(); draw(first); } }, say("whatIfForget"))),
    body);
}

const fieldNames = () => [say("itemHandling"), say("itemStatutory"), say("itemPromised"), ...FLAGS.map((flag) => say(`flag_of_${flag}`))];

/** An item's row: a field that says something else than the catalogue is a change. */
function row(item, state, note) {
  const label = (text) => `${item.name} ${text}`;
  const names = fieldNames(); // beside each field on a phone, where the table has no head
  const kept = state.changes.get(item.item_code) || {};
  const select = (name, options, value, title) => h("select", { name, "aria-label": label(title) }, options.map(([one, text]) => h("option", { value: one, selected: one === value }, text)));
  const handling = select("handling", ["instant", "promised"].map((one) => [one, word("item", one)]), kept.handling || item.handling, say("itemHandling"));
  const days = LIMITS.map((name) => h("input", { type: "text", inputmode: "numeric", class: "days", name, maxlength: 4, autocomplete: "off", value: String(kept[name] ?? item[name] ?? ""), "aria-label": label(say(name === "statutory_days" ? "itemStatutory" : "itemPromised")) }));
  const flags = FLAGS.map((name) => {
    const value = kept[name] ?? item[name];
    const options = [["true", say("yes")], ["false", say("no")]];
    return select(name, item[name] === null ? [["", say("unknownFlag")], ...options] : options, value === null ? "" : String(value), say(`flag_of_${name}`));
  });
  const element = h("tr", { "data-keep": item.item_code, class: state.changes.has(item.item_code) ? "wanted" : null }, h("th", { scope: "row" }, item.name, h("small", { class: "hint" }, ` ${item.item_code}`)), [handling, ...days, ...flags].map((one, place) => h("td", { "data-label": names[place] }, one)));
  element.addEventListener("change", () => {
    const change = { item_code: item.item_code };
    if (handling.value !== item.handling) change.handling = handling.value;
    for (const one of days) {
      const typed = one.value.normalize("NFKC").trim();
      if (/^\d{1,4}$/.test(typed) && Number(typed) !== item[one.name]) change[one.name] = Number(typed);
    }
    if (handling.value === "instant") delete change.promised_days;
    FLAGS.forEach((name, index) => { if (flags[index].value && flags[index].value !== String(item[name])) change[name] = flags[index].value === "true"; });
    if (Object.keys(change).length > 1) state.changes.set(item.item_code, change);
    else state.changes.delete(item.item_code);
    element.className = state.changes.has(item.item_code) ? "wanted" : "";
    note();
  });
  return element;
}

const amount = (one, unit) => (one.value === null ? "—" : unit === "count" ? whole(one.numerator) : `${shown(one.value, unit)}`);
const parts = (one, unit) => (one.value === null || unit === "count" ? null : h("small", { class: "hint" }, ` ${whole(one.numerator)} / ${whole(one.denominator)}`));

function figureRow({ names, unit, before, after }) {
  const moves = before.numerator !== after.numerator || before.denominator !== after.denominator;
  const change = before.value === null || after.value === null || !moves ? "" : difference(after.value - before.value, unit);
  return h("tr", { class: moves ? "wanted" : null }, h("th", { scope: "row" }, named(names)), h("td", {}, amount(before, unit), parts(before, unit)), h("td", {}, amount(after, unit), parts(after, unit)), h("td", {}, change));
}

function targetRow({ before, after }) {
  const unit = after.unit;
  const moves = before.value !== after.value || before.state !== after.state || before.forecast !== after.forecast;
  const change = before.value === null || after.value === null || before.value === after.value ? "" : difference(after.value - before.value, unit);
  return h("tr", { class: moves ? "wanted" : null },
    h("th", { scope: "row" }, named(after.names)),
    h("td", {}, shown(before.value, unit)), h("td", {}, shown(after.value, unit)), h("td", {}, change),
    h("td", {}, after.gap === null ? "" : difference(after.gap, unit)),
    h("td", {}, before.forecast === null && after.forecast === null ? "" : `${shown(before.forecast, unit)} → ${shown(after.forecast, unit)}`, after.forecast === null && after.forecast_reason ? h("small", { class: "hint" }, ` ${say(`noForecast_${after.forecast_reason}`)}`) : null),
    h("td", {}, chip(before.state), before.state === after.state ? null : [" → ", chip(after.state)]));
}

/** Figures, targets and departments before and after. */
function moved(found) {
  const heads = [say("indicator"), say("movedBefore"), say("movedAfter"), say("movedBy")];
  const measured = found.targets.filter((one) => one.before.value !== null || one.after.value !== null);
  return h("section", { class: "moved" },
    h("p", { class: "hint" }, say("whatIfResult", { on: found.on, n: whole(found.items) })),
    measured.length ? [h("h3", {}, say("whatIfTargets")), table([say("whatIfTargets"), say("movedBefore"), say("movedAfter"), say("movedBy"), say("movedGap"), say("movedForecast"), say("movedState")], measured.map(targetRow), "report moved-targets")] : null,
    h("h3", {}, say("whatIfFigures")), table(heads, found.figures.map(figureRow), "report moved-figures"),
    h("h3", {}, say("whatIfDepartments")),
    found.departments.length ? found.departments.map((one) => h("details", {}, h("summary", {}, named(one.names)), table(heads, one.figures.map(figureRow)))) : h("p", { class: "hint" }, say("whatIfNoDepartments")));
}

async function showDraft(drawer, context, number) {
  const draft = await ask(`/v1/drafts/${number}`);
  const told = h("p", { role: "status", class: "hint" });
  const hand = async (event) => {
    event.target.disabled = true;
    try {
      location.hash = uploadAddress((await tell(`/v1/drafts/${number}/import`, {})).id);
    } catch (error) {
      told.textContent = say("notTaken", { why: error.message });
      event.target.disabled = false;
    }
  };
  const may = context.me.may.includes("import") && !context.department && draft.asked.changes.length;
  return drawer.draw(
    draft.name,
    h("p", { class: "hint" }, [draft.by, clockTime(draft.at), draft.department_names ? named(draft.department_names) : null, draft.handed ? say("draftHanded") : null].filter(Boolean).join(" · ")),
    draft.asked.changes.length ? h("details", {}, h("summary", {}, say("draftChanges")), h("ul", {}, draft.asked.changes.map((one) => h("li", {}, h("b", {}, one.item_code), " ", describe(one))))) : null,
    moved(draft.told),
    told,
    h("p", { class: "facts" },
      may ? h("button", { type: "button", class: "main", onclick: hand }, say("draftImport")) : null,
      draft.upload ? h("a", { href: uploadAddress(draft.upload) }, say("uploads")) : null,
      h("a", { href: "#/whatif" }, say("whatIf"))));
}

function describe(change) {
  const said = (name, value) => {
    if (name === "handling") return `${say("itemHandling")} ${word("item", value)}`;
    if (LIMITS.includes(name)) return `${say(name === "statutory_days" ? "itemStatutory" : "itemPromised")} ${whole(value)}`;
    return `${say(`flag_of_${name}`)} ${say(value ? "yes" : "no")}`;
  };
  return Object.entries(change).filter(([name, value]) => name !== "item_code" && value !== null).map(([name, value]) => said(name, value)).join("；");
}
