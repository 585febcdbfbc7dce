// States by sign, word and colour: none of the three is needed to read the others.

import { h } from "./dom.js";
import { word } from "./words.js";

export const SIGNS = {
  met: "✓",
  on_pace: "→",
  behind: "▲",
  missed: "✕",
  not_measured: "○",
  below_min_denominator: "◌",
  not_started: "·",
  on_time: "✓",
  due_soon: "◔",
  overdue: "▲",
  suspended: "‖",
  unaccepted_late: "!",
  decided: "✓",
  withdrawn: "–",
  rejected: "✕",
  pending: "○",
};

const OPEN = new Set(["on_time", "due_soon", "overdue", "suspended", "unaccepted_late", "pending"]);
const CLOSED = new Set(["decided", "withdrawn", "rejected", "closed"]);

export const TARGET_STATES = ["missed", "behind", "on_pace", "met", "below_min_denominator", "not_measured", "not_started"];
export const OPEN_STATES = ["overdue", "due_soon", "unaccepted_late", "suspended", "on_time"];

export function stateWord(state) {
  if (OPEN.has(state)) return word("open", state);
  return CLOSED.has(state) ? word("case", state) : word("state", state);
}

export function chip(state) {
  return h("span", { class: `chip is-${state}` }, h("b", { "aria-hidden": "true" }, SIGNS[state] || "·"), stateWord(state));
}
