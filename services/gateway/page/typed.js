// What was typed and not sent: kept in this tab for the account that typed it, and put back when its view is drawn again.

import { h } from "./dom.js";
import { say } from "./words.js";
import "./officewords.js";

const KEY = "hallpulse-typed";
const MOST_VIEWS = 20;
const UNKEPT = new Set(["password", "file", "hidden", "search", "submit", "button"]);
const BOXES = new Set(["checkbox", "radio"]);

/** The fields of a form: what is only asked for stands in the address, and passwords are kept nowhere. */
const fieldsIn = (root) => [...root.querySelectorAll("input, select, textarea")].filter((one) => !UNKEPT.has(one.type) && !one.closest("[role=search]") && (one.id || one.name || BOXES.has(one.type)));

/** A field's name among those of its view: its own, within what `data-keep` names around it. */
function keyOf(one) {
  const around = one.closest("[data-keep]");
  return [around ? around.dataset.keep : "", one.id || one.name, BOXES.has(one.type) ? one.value : ""].join(" ");
}

const first = (select) => Math.max(0, [...select.options].findIndex((one) => one.defaultSelected));

function isTyped(one) {
  if (BOXES.has(one.type)) return one.checked !== one.defaultChecked;
  if (one.tagName === "SELECT") return one.selectedIndex !== first(one);
  return one.value !== one.defaultValue;
}

const stateOf = (one) => (BOXES.has(one.type) ? one.checked : one.value);

function fill(one, value) {
  if (BOXES.has(one.type)) one.checked = value;
  else one.value = value;
  for (const kind of ["input", "change"]) one.dispatchEvent(new Event(kind, { bubbles: true }));
}

/** What is typed in the fields that `wanted` takes, by their names. */
export const typedIn = (root, wanted = () => true) => Object.fromEntries(fieldsIn(root).filter((one) => isTyped(one) && wanted(one)).map((one) => [keyOf(one), stateOf(one)]));

/** Put what was typed into the fields of these names, and return those that were filled. */
export function fillIn(root, typed) {
  const found = fieldsIn(root).filter((one) => keyOf(one) in typed);
  for (const one of found) fill(one, typed[keyOf(one)]);
  return found;
}

function readKept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY)) || {};
  } catch {
    return {};
  }
}

function write(kept) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept));
  } catch { // more than a browser keeps: the page goes on without
    sessionStorage.removeItem(KEY);
  }
}

/** Keep what is typed in a view, or that nothing is. of: whose it is, as `whoseOf` says. */
export function keepTyped(root, of, address) {
  const { [of]: { [address]: _, ...before } = {} } = readKept();
  const typed = typedIn(root);
  const entries = Object.entries(Object.keys(typed).length ? { ...before, [address]: typed } : before);
  write({ [of]: Object.fromEntries(entries.slice(-MOST_VIEWS)) });
}

/** Put back what was kept of a view, and return a line that says so; null where nothing was. */
export function putBack(root, of, address) {
  const { [of]: kept = {} } = readKept();
  const found = kept[address] ? fillIn(root, kept[address]) : [];
  if (!found.length) return null;
  const { [address]: _, ...rest } = kept;
  write({ [of]: rest });
  const line = h("p", { class: "hint kept", role: "status" }, say("typedKept"), " ", h("button", { type: "button", class: "quiet", onclick: () => {
    for (const one of found) fill(one, BOXES.has(one.type) ? one.defaultChecked : one.tagName === "SELECT" ? one.options[first(one)].value : one.defaultValue);
    line.remove();
  } }, say("typedDropped")));
  return line;
}

export const forgetTyped = () => sessionStorage.removeItem(KEY);

/** Whose what is typed is: another account in the same tab is not given it. */
export const whoseOf = (me) => [me.name, me.role, me.region, me.department, me.hall].join(" ");
