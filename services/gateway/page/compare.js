// The regions or halls below a region, ranked by one indicator, with the sum that the region's figure is held against;
// and as a map where boundaries are given.

import { ask } from "./api.js";
import { ago, difference, h, shown, whole } from "./dom.js";
import { shadesOf } from "./shades.js";
import { boundariesOf, drawable, keyOf, mapPart } from "./map.js";
import { listAddress, targetLinks } from "./target.js";
import { inList, named, say } from "./words.js";
import "./lookwords.js";

export const LESS_IS_BETTER = new Set(["mean_elapsed_days"]);
const QUIET_HOURS = 24;
const HEADS = ["rank", "name", "value", "numeratorOverDenominator", "againstRegion", "reportingHalls", "freshness"];

export const view = { needsBoard: true, show: (drawer, context, _, query) => showComparison(drawer, context, query.get("indicator")) };

/** The kinds of what lies below a region: prefectures, counties or halls. */
export const belowOf = (region) => ({ province: "prefectures", prefecture: "counties", county: "halls" })[region.level];

async function showComparison(drawer, context, asked) {
  const { data, region } = context;
  const title = say(`compare_${belowOf(region)}`);
  const [answer, boundaries] = await Promise.all([
    ask("/v1/reconciliation", { region: region.region, from: data.indicators.from, to: data.indicators.to }),
    boundariesOf(region.region).catch(() => null),
  ]);
  const known = new Map(data.indicators.indicators.map((one) => [one.id, one]));
  const offered = answer.indicators.filter((one) => known.has(one.id));
  if (!answer.children.length || !offered.length) return drawer.draw(title, h("p", { role: "status" }, say("noneBelow")));
  const part = h("div", { class: "heat" });
  const targets = h("span", { class: "facts" });
  const ended = new Map(context.regions.regions.filter((one) => one.ended).map((one) => [one.region, one.ended]));
  const draw = (id) => {
    const own = offered.find((one) => one.id === id) || offered.find((one) => one.id === "promise_kept_rate") || offered[0];
    part.replaceChildren(...comparison(answer, { ...own, unit: known.get(own.id).unit, ended }, boundaries));
    targets.replaceChildren(...targetLinks(context, own.id));
    return own.id;
  };
  const chosen = draw(asked);
  const choose = (event) => {
    history.replaceState(null, "", `#/compare?indicator=${event.target.value}`);
    draw(event.target.value);
  };
  const chooser = h("select", { "aria-label": say("compareBy"), onchange: choose }, offered.map((one) => h("option", { value: one.id, selected: one.id === chosen }, named(one.names))));
  return drawer.draw(title, h("p", { class: "facts" }, chooser, h("span", { class: "hint" }, say("period", { start: answer.from, end: answer.to })), targets), part);
}

/** Children with their figures, the best first; those with too few cases, or none, have no rank and come last. */
export function ranked(children, own) {
  const sign = LESS_IS_BETTER.has(own.id) ? 1 : -1;
  const rows = children.map((child) => ({ child, figure: child.values[own.id] ?? null }));
  const counts = ({ figure }) => Boolean(figure && figure.enough && figure.value !== null);
  rows.sort((a, b) => counts(b) - counts(a) || (counts(a) ? sign * (a.figure.value - b.figure.value) : 0));
  return rows.map((row, place) => ({ ...row, rank: counts(row) ? 1 + rows.slice(0, place).filter((other) => other.figure.value !== row.figure.value).length : null }));
}

/** The map, and what tells an area of it; no map where no boundaries are given. */
function mapOf(answer, own, rows, shade, boundaries) {
  const problem = boundaries?.problems[0];
  if (problem) return { parts: [h("p", { class: "late" }, say("boundariesRefused", { why: named(problem) }))], tell: () => null };
  if (!drawable(boundaries)) return { parts: [], tell: () => null };
  const label = say("mapOf", { name: named(answer.names), indicator: named(own.names) });
  const { frame, tell } = mapPart({ areas: boundaries.areas, rows, unit: own.unit, shade, label });
  const shownThere = new Set(boundaries.areas.features.map((one) => one.properties.child));
  const left = rows.filter(({ child }) => !shownThere.has(keyOf(child))).map(({ child }) => named(child.names));
  return { parts: [frame, shade.legend, h("p", { class: "hint" }, say("mapHint"), left.length ? ` ${say("notOnMap", { names: left.join(inList()) })}` : "")], tell };
}

/** A row of the table tells its area while the pointer or the focus is on it. */
const telling = (tell) => (event) => tell(event.target.closest?.("[data-child]")?.dataset.child);

function comparison(answer, own, boundaries) {
  const rows = ranked(answer.children, own);
  const shade = shadesOf(rows.map(({ figure }) => figure), own.unit);
  const map = mapOf(answer, own, rows, shade, boundaries);
  const there = telling(map.tell);
  return [
    ...map.parts,
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": named(own.names) },
      h(
        "table",
        { class: "cases stacked comparison" },
        h("thead", {}, h("tr", {}, HEADS.map((key) => h("th", { scope: "col", class: key === "name" || key === "freshness" ? null : "number" }, say(key))))),
        h("tbody", { onpointerover: there, onpointerleave: () => map.tell(), onfocusin: there, onfocusout: () => map.tell() }, rows.map((row) => line(row, answer, own, shade))),
        h("tfoot", {}, sumLine(say("sumOfAll"), own.children, own), sumLine(named(answer.names), own.parent, own)),
      ),
    ),
    h("p", { class: own.agrees ? "hint" : "late" }, own.agrees ? `✓ ${say("sumAgrees")}` : `✕ ${say("sumDiffers", { numerator: signed(own.difference.numerator), denominator: signed(own.difference.denominator) })}`),
    differencesOf(answer, own),
  ];
}

const signed = (number) => (number < 0 ? `−${whole(-number)}` : `+${whole(number)}`);
const cell = (key, kind, ...children) => h("td", { class: kind, "data-label": say(key) }, children);
const partsOf = (figure, unit) => (unit === "count" ? "" : `${whole(figure.numerator)} / ${whole(figure.denominator)}`);

function line({ child, figure, rank }, answer, own, shade) {
  const cases = { region: child.region, hall: child.hall, indicator: own.id, part: own.unit === "count" ? "numerator" : "denominator", from: answer.from, to: answer.to };
  const name = h("a", { href: child.hall ? listAddress(cases) : `#/?region=${child.region}` }, named(child.names));
  const apart = figure && figure.value !== null && own.parent.value !== null && own.unit !== "count" ? difference(figure.value - own.parent.value, own.unit) : "";
  const few = figure && figure.value !== null && !figure.enough;
  return h(
    "tr",
    { "data-child": keyOf(child) },
    cell("rank", "number", rank ?? "◌"),
    cell("name", null, name, own.ended.has(child.region) && !child.hall ? h("small", { class: "hint" }, ` ${say("endedOn", { day: own.ended.get(child.region) })}`) : null),
    cell("value", "number", h("span", { class: `shade shade-${shade.of(figure)}` }, figure ? shown(figure.value, own.unit) : say("noValue")), few ? h("small", { class: "hint" }, ` ${say("tooFew")}`) : null),
    cell("numeratorOverDenominator", "number", figure ? partsOf(figure, own.unit) : ""),
    cell("againstRegion", "number", apart),
    cell("reportingHalls", "number", h("span", { class: child.reporting < child.halls ? "late" : null }, `${child.reporting} / ${child.halls}`)),
    cell("freshness", child.silent_hours === null || child.silent_hours >= QUIET_HOURS ? "late" : "hint", child.newest ? ago(child.newest) : say("nothingNew")),
  );
}

const sumLine = (name, figure, own) => h("tr", {}, cell("rank", "number"), h("th", { scope: "row" }, name), cell("value", "number", h("b", {}, shown(figure.value, own.unit))), cell("numeratorOverDenominator", "number", partsOf(figure, own.unit)), cell("againstRegion"), cell("reportingHalls"), cell("freshness"));

function differencesOf(answer, own) {
  const found = answer.differences.filter((one) => one.indicator === own.id);
  if (!found.length) return "";
  const told = (one) => [named(one.region_names), one.hall_names ? named(one.hall_names) : null, say(`apart_${one.kind}`), `${signed(one.difference.numerator)} / ${signed(one.difference.denominator)}`].filter(Boolean).join(" · ");
  return h("ul", { class: "events" }, found.map((one) => h("li", {}, told(one))));
}
