// Shades of figures by their values, for the heat map, the map and the wall.

import { h, shown } from "./dom.js";
import { say } from "./words.js";

export const STEPS = 5;

/** A shade for every figure by its value, among those with enough cases: step 1 is the lowest; and its legend. */
export function shadesOf(figures, unit) {
  const values = figures.filter((one) => one && one.enough !== false && one.value !== null).map((one) => one.value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const count = values.length ? (low === high ? 1 : STEPS) : 0;
  const bound = (step) => low + ((high - low) * step) / count;
  const of = (one) => (!one || one.value === null || one.enough === false ? 0 : count === 1 ? 1 : Math.max(1, Math.min(count, 1 + Math.floor(((one.value - low) / (high - low)) * count))));
  const range = (step) => [...new Set([bound(step - 1), bound(step)].map((value) => shown(value, unit)))].join(" – ");
  const steps = Array.from({ length: count }, (_, place) => place + 1);
  const key = (step, text) => h("span", { class: `shade-${step}` }, text);
  return { of, legend: h("p", { class: "shades", "aria-label": say("legend"), role: "note" }, steps.map((step) => key(step, range(step))), key(0, `◌ ${say("tooFewOrNone")}`)) };
}
