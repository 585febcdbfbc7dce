// Who is outstanding: departments × months, and a department's own months.

import { ask } from "./api.js";
import { h, sideways } from "./dom.js";
import { named, say, word } from "./words.js";

const SIGNS = { open: "○", submitted: "✓", seen: "✓✓", returned: "↩", missing: "✕", late: "◔" };

export const view = { show: showOutstanding };

/** A month's state by sign, word and colour. */
export const cellChip = (cell) => h("span", { class: `chip is-report-${cell.state}` }, h("b", { "aria-hidden": "true" }, SIGNS[cell.state]), cell.state === "late" ? say("daysLate", { n: cell.days }) : word("report", cell.state));

export const formAddress = (department, month) => `#/form/${encodeURIComponent(department)}/${month}`;

async function showOutstanding(drawer, context) {
  const { region, department } = context;
  const found = await ask("/v1/outstanding", { region: region.region, department });
  drawer.draw(say("outstanding"), matrix(found));
}

export function matrix(found) {
  if (!found.plan) return h("p", { class: "hint" }, say("nothingAsked"));
  const months = [...found.months].reverse();
  return h(
    "div",
    {},
    h("p", { class: "legend-row" }, Object.keys(SIGNS).map((state) => h("span", { class: `chip is-report-${state}` }, h("b", { "aria-hidden": "true" }, SIGNS[state]), word("report", state)))),
    sideways(
      say("outstanding"),
      h(
        "table",
        { class: "matrix" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, say("department")), months.map((month) => h("th", { scope: "col" }, month.slice(2))))),
        h("tbody", {}, found.departments.map((row) => h("tr", {}, h("th", { scope: "row" }, named(row.names)), months.map((month) => cellOf(row, month))))),
      ),
    ),
  );
}

function cellOf(row, month) {
  const cell = row.months.find((one) => one.month === month);
  if (!cell) return h("td", {}, "");
  const text = cell.state === "late" ? say("daysLate", { n: cell.days }) : word("report", cell.state);
  return h("td", {}, h("a", { class: `cell is-report-${cell.state}`, href: formAddress(row.department, month), title: `${named(row.names)} ${month}: ${text}`, "aria-label": `${named(row.names)} ${month}: ${text}` }, SIGNS[cell.state]));
}
