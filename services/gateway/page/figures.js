// Open cases by state, and every indicator with its numerator and denominator; each number leads to its cases.

import { belowOf } from "./compare.js";
import { h, shown, whole } from "./dom.js";
import { OPEN_STATES, SIGNS } from "./states.js";
import { listAddress } from "./target.js";
import { named, say, word } from "./words.js";
import "./trendwords.js";

const scopeOf = ({ region, hall, department }) => ({ region: region.region, hall, department });
const NOTES = { due_soon: "note_due_soon", unaccepted_late: "note_unaccepted_late" };

export function openCasesPart(context) {
  const counts = context.data.indicators.open_cases;
  const all = Object.values(counts).reduce((sum, n) => sum + n, 0);
  return h(
    "section",
    { class: "open" },
    h("h2", {}, say("openCases"), " ", h("a", { class: "count", href: listAddress({ ...scopeOf(context), state: "open" }) }, whole(all))),
    h(
      "div",
      { class: "tiles" },
      OPEN_STATES.map((state) =>
        h(
          "a",
          { class: `tile is-${state} ${counts[state] ? "" : "none"}`, href: listAddress({ ...scopeOf(context), state }), "data-key": `open-${state}` },
          h("span", {}, h("b", { "aria-hidden": "true" }, SIGNS[state]), word("open", state)),
          h("strong", {}, whole(counts[state])),
          h("small", { class: "hint" }, NOTES[state] ? say(NOTES[state]) : all ? `${((counts[state] / all) * 100).toFixed(1)} %` : ""),
        ),
      ),
    ),
  );
}

export function indicatorsPart(context) {
  const { indicators, from, to } = context.data.indicators;
  return h(
    "section",
    { class: "indicators" },
    h(
      "div",
      { class: "heading" },
      h("h2", {}, say("indicators"), " ", h("small", {}, say("period", { start: from, end: to }))),
      h("span", { class: "facts" }, h("a", { href: "#/trends", "data-key": "trends" }, say("trendsTitle")), h("a", { href: "#/ratings", "data-key": "ratings" }, say("ratingsTitle")), context.hall || context.department ? null : h("a", { href: "#/compare", "data-key": "compare-below" }, say(`compare_${belowOf(context.region)}`))),
    ),
    h(
      "table",
      {},
      indicators.map((one, place) => [
        place === 0 || indicators[place - 1].kind !== one.kind
          ? h("tr", { class: "kind" }, h("th", { colspan: "4", scope: "rowgroup" }, say(`kind_${one.kind}`)))
          : null,
        row(context, one, { from, to }),
      ]),
    ),
  );
}

function row(context, one, window) {
  const link = (part, number) =>
    h("a", { href: listAddress({ ...scopeOf(context), indicator: one.id, part, ...window }), title: say(part), "data-key": `${one.id}-${part}` }, whole(number));
  const spread = one.percentiles && one.percentiles.p50 !== null ? h("small", { class: "hint" }, say("percentiles", one.percentiles)) : null;
  const partly = one.known !== undefined && one.known < one.known_of;
  const known = partly ? h("small", { class: "hint" }, say("known", { n: one.known, m: one.known_of })) : null;
  return h(
    "tr",
    { class: one.enough ? null : "few", title: one.enough ? null : say("tooFew") },
    h("th", { scope: "row" }, named(one.names), spread, known),
    h("td", { class: "value" }, shown(one.value, one.unit)),
    h("td", { class: "bar" }, one.unit === "share" && one.value !== null ? bar(one.value) : null),
    h("td", { class: "parts" }, link("numerator", one.numerator), one.unit === "count" ? null : [" / ", link("denominator", one.denominator)]),
  );
}

export function bar(share, kind = "") {
  return h("span", { class: `meter ${kind}`, "aria-hidden": "true" }, h("i", { style: { width: `${Math.max(0, Math.min(1, share)) * 100}%` } }));
}
