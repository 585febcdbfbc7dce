// A list: sought, filtered, sorted by its columns, with a choice of them, by pages, and as a file of exactly that.
//
// How it is looked at stands in the address, so that a link opens it so. The server seeks, filters and sorts, for the
// page and for the file alike.

import { ask, fetchFile } from "./api.js";
import { h, whole } from "./dom.js";
import { inChinese, say } from "./words.js";
import "./listwords.js";

const PAGE = 100;
const MOST_FILE_ROWS = 50000;
const TYPING_MS = 300;
const KEPT = "hallpulse-columns-";
const OWN = ["text", "sort", "page", "columns"];
let made = 0;

/**
 * spec: {
 *   id: of the list, under which the choice of columns is kept;
 *   path, asked: the question without how it is looked at;
 *   rows(answer, state): its rows, state.sort: by which column if any; more(answer): what stands above the table, if anything;
 *   total(answer): how many rows in all, where the server pages (it is then asked with offset and limit);
 *   columns: [{ key, head, cell(row), kind, sort: the key to sort by (key; null for none), off: not shown at first,
 *     files: its columns in a file (key) }];
 *   entry(row): draws a row as an entry of a list instead of a line of a table;
 *   filters: [{ key, head, choices: [[value, text]], own: whether it is a parameter of the question itself }];
 *   table, row(row): classes of the table and of a line; empty: text where there is nothing at all
 * }
 */
export async function listPart(spec, query) {
  made += 1;
  const list = { spec, number: made, turn: 0, state: stateOf(spec, query), answer: null };
  list.above = h("div", { class: "above" });
  list.body = h("div", { class: "listed" });
  list.told = h("p", { class: "hint", role: "status" });
  list.bar = h("div", { class: "listbar", role: "search", "aria-label": say("search") });
  drawBar(list);
  list.answer = await read(list);
  drawBody(list);
  return [list.above, list.bar, list.told, list.body];
}

function stateOf(spec, query) {
  const state = { text: query.get("text") || "", sort: query.get("sort") || "", page: Math.max(1, Number(query.get("page")) || 1) };
  state.only = Object.fromEntries((spec.filters || []).map(({ key }) => [key, query.get(key) || ""]));
  state.columns = columnsOf(spec, query);
  return state;
}

const usual = (spec) => spec.columns.filter((one) => !one.off).map((one) => one.key);

/** From the address, else as this browser kept them, else the usual ones. */
function columnsOf(spec, query) {
  const asked = query.get("columns") || localStorage.getItem(KEPT + spec.id) || "";
  const known = asked.split(",").filter((key) => spec.columns.some((one) => one.key === key));
  return new Set(known.length ? known : usual(spec));
}

/** What the server is asked of the list as it is looked at now. */
function questionOf({ spec, state }) {
  const own = (spec.filters || []).filter((one) => one.own);
  const others = (spec.filters || []).filter((one) => !one.own && state.only[one.key]);
  return {
    ...spec.asked,
    ...Object.fromEntries(own.filter((one) => state.only[one.key]).map((one) => [one.key, state.only[one.key]])),
    text: state.text,
    sort: state.sort,
    only: others.map((one) => `${one.key}:${state.only[one.key]}`).join(";"),
  };
}

async function read(list) {
  const { spec, state } = list;
  const paging = spec.total ? { offset: (state.page - 1) * PAGE || null, limit: PAGE } : {};
  return ask(spec.path, { ...questionOf(list), ...paging, ...(state.sort ? { language: inChinese() ? "zh" : "en" } : {}) });
}

/** Keep how the list is looked at in the address, without a step back for each letter. */
function keepAddress({ spec, state }) {
  const [path, before = ""] = location.hash.split("?");
  const query = new URLSearchParams(before);
  const chosen = [...state.columns].join(",");
  const values = { ...state.only, text: state.text, sort: state.sort, page: state.page > 1 ? String(state.page) : "", columns: chosen === usual(spec).join(",") ? "" : chosen };
  for (const [key, value] of Object.entries(values)) value ? query.set(key, value) : query.delete(key);
  if (!query.has("region") && spec.asked.region) query.set("region", spec.asked.region);
  history.replaceState(null, "", `${path}?${query}`);
}

/** Look at it in another way; an answer that comes too late is dropped. */
async function look(list, change, page = 1) {
  Object.assign(list.state, change, { page });
  list.turn += 1;
  const mine = list.turn;
  keepAddress(list);
  list.body.setAttribute("aria-busy", "true");
  try {
    const answer = await read(list);
    if (mine !== list.turn || !list.body.isConnected) return;
    list.answer = answer;
    list.told.textContent = "";
    drawBody(list);
  } catch (error) {
    if (mine === list.turn) list.told.textContent = error.message;
  }
  list.body.removeAttribute("aria-busy");
}

function drawBar(list) {
  const { spec, state } = list;
  const id = (name) => `list-${list.number}-${name}`;
  let timer = 0;
  const text = h("input", { type: "search", id: id("text"), name: "text", value: state.text, maxlength: 64, placeholder: say("searchHint"), autocomplete: "off", oninput: () => {
    clearTimeout(timer);
    timer = setTimeout(() => look(list, { text: text.value.trim() }), TYPING_MS);
  } });
  const filters = (spec.filters || []).map((one) => filterOf(list, one, id(one.key)));
  const sorts = sortable(spec).flatMap((one) => [[one.sort || one.key, `${one.head} ↑`], [`-${one.sort || one.key}`, `${one.head} ↓`]]);
  const sort = h("select", { id: id("sort"), name: "sort", onchange: () => look(list, { sort: sort.value }) }, h("option", { value: "" }, say("usualOrder")), sorts.map(([value, name]) => h("option", { value, selected: value === state.sort }, name)));
  const clear = () => {
    Object.assign(state, { text: "", sort: "", only: Object.fromEntries(Object.keys(state.only).map((key) => [key, ""])) });
    drawBar(list);
    look(list, {});
  };
  list.bar.replaceChildren(
    h("label", { for: id("text") }, say("search"), " ", text),
    ...filters,
    h("label", { for: id("sort"), class: spec.entry ? null : "narrow" }, say("order"), " ", sort),
    ...(spec.entry ? [] : [columnChoice(list)]),
    h("span", { class: "files" }, ["csv", "xlsx"].map((form) => fileButton(list, form))),
    h("button", { type: "button", class: "quiet", onclick: clear }, say("clearAll")),
  );
  list.sort = sort;
}

function filterOf(list, { key, head, choices }, id) {
  const chosen = list.state.only[key];
  const select = h("select", { id, name: key, onchange: () => look(list, { only: { ...list.state.only, [key]: select.value } }) },
    h("option", { value: "" }, say("all_")),
    choices.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
  return h("label", { for: id }, head, " ", select);
}

const sortable = (spec) => spec.columns.filter((one) => one.sort !== null);

function columnChoice(list) {
  const { spec, state } = list;
  const change = (key, shown) => {
    shown ? state.columns.add(key) : state.columns.delete(key);
    state.columns = new Set(spec.columns.map((one) => one.key).filter((one) => state.columns.has(one)));
    localStorage.setItem(KEPT + spec.id, [...state.columns].join(","));
    keepAddress(list);
    drawBody(list);
  };
  const boxes = spec.columns.map((one) => h("label", {}, h("input", { type: "checkbox", value: one.key, checked: state.columns.has(one.key), onchange: (event) => {
    if (!event.target.checked && state.columns.size === 1) event.target.checked = true; // one column stays
    else change(one.key, event.target.checked);
  } }), " ", one.head));
  return h("details", { class: "choice" }, h("summary", {}, say("columnsShown")), h("div", {}, boxes));
}

function fileButton(list, form) {
  const button = h("button", { type: "button", onclick: async () => {
    const rows = lengthOf(list);
    if (rows > MOST_FILE_ROWS) return void (list.told.textContent = say("tooLong", { n: whole(rows), most: whole(MOST_FILE_ROWS) }));
    button.disabled = true;
    list.told.textContent = say("preparing");
    try {
      await fetchFile(list.spec.path, given({ ...questionOf(list), ...chosenFiles(list), format: form, language: inChinese() ? "zh" : "en" }));
      list.told.textContent = say("fileMade", { n: whole(rows) });
    } catch (error) {
      list.told.textContent = error.message;
    }
    button.disabled = false;
    return undefined;
  } }, say("downloadAs", { form }));
  return button;
}

const given = (parameters) => Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== null && value !== undefined && value !== ""));

/** The columns of a file, where others than the usual ones were chosen; all of them otherwise. */
function chosenFiles({ spec, state }) {
  if ([...state.columns].join(",") === usual(spec).join(",")) return {};
  const keys = spec.columns.filter((one) => state.columns.has(one.key)).flatMap((one) => one.files || [one.key]);
  return { columns: [...new Set(keys)].join(",") };
}

const lengthOf = ({ spec, state, answer }) => (spec.total ? spec.total(answer) : spec.rows(answer, state).length);

function drawBody(list) {
  const { spec, state, answer } = list;
  const rows = spec.rows(answer, state);
  const length = lengthOf(list);
  const pages = Math.max(1, Math.ceil(length / PAGE));
  if (state.page > pages && length) return look(list, {}, pages);
  const shown = spec.total ? rows : rows.slice((state.page - 1) * PAGE, state.page * PAGE);
  const narrowed = state.text || Object.values(state.only).some(Boolean);
  list.above.replaceChildren(...[spec.more ? spec.more(answer) : null].flat().filter(Boolean));
  list.sort.value = state.sort;
  const focused = list.body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  list.body.replaceChildren(
    ...(length
      ? [h("p", { class: "hint count", role: "status" }, countOf(state.page, shown.length, length)), spec.entry ? h("ul", { class: "alerts" }, shown.map(spec.entry)) : tableOf(list, shown), pager(list, pages)].filter(Boolean)
      : [h("p", { role: "status" }, narrowed ? say("nothingMatches") : spec.empty || say("nothing"))]),
  );
  if (focused) list.body.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  return undefined;
}

const countOf = (page, shown, length) => (shown === length ? say("oneRow", { n: whole(length) }) : say("rowsOf", { from: whole((page - 1) * PAGE + 1), to: whole((page - 1) * PAGE + shown), n: whole(length) }));

function tableOf(list, rows) {
  const { spec, state } = list;
  const columns = spec.columns.filter((one) => state.columns.has(one.key));
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": say("list") },
    h(
      "table",
      { class: `cases ${spec.table || "stacked"}` },
      h("thead", {}, h("tr", {}, columns.map((one) => headOf(list, one)))),
      h("tbody", {}, rows.map((row) => h("tr", { class: spec.row ? spec.row(row) : null }, columns.map((one) => cellOf(one, row))))),
    ),
  );
}

function cellOf(column, row) {
  const kind = typeof column.kind === "function" ? column.kind(row) : column.kind;
  return h("td", { class: kind || null, "data-label": column.head }, column.cell(row) ?? "");
}

/** The head of a column, a button where one may sort by it: upwards, downwards, as usual. */
function headOf(list, column) {
  if (column.sort === null) return h("th", { scope: "col" }, column.head);
  const key = column.sort || column.key;
  const { sort } = list.state;
  const order = sort === key ? "ascending" : sort === `-${key}` ? "descending" : "none";
  const next = { none: key, ascending: `-${key}`, descending: "" }[order];
  const sign = { none: "", ascending: " ↑", descending: " ↓" }[order];
  return h("th", { scope: "col", "aria-sort": order }, h("button", { type: "button", class: "sorter", "data-key": `sort-${key}`, title: say("sortBy", { name: column.head }), onclick: () => look(list, { sort: next }) }, column.head, sign ? h("span", { "aria-hidden": "true" }, sign) : null));
}

function pager(list, pages) {
  if (pages === 1) return null;
  const { page } = list.state;
  const button = (key, to, disabled) => h("button", { type: "button", "data-key": key, disabled, onclick: () => look(list, {}, to) }, say(key));
  return h("nav", { class: "pager facts", "aria-label": say("pages") }, button("pageBefore", page - 1, page === 1), h("span", {}, say("pageOf", { page: whole(page), pages: whole(pages) })), button("pageAfter", page + 1, page === pages));
}

/** The address of a list, looked at in a way: what the view asks, and what the list is narrowed to. */
export const withoutLook = (query, filters = []) => Object.fromEntries([...query].filter(([key]) => !OWN.includes(key) && !filters.some((one) => one.key === key)));
