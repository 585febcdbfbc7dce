// The board: header, warnings, and the four parts.

import { ago, clockTime, h } from "./dom.js";
import { departmentsPart } from "./departments.js";
import { indicatorsPart, openCasesPart } from "./figures.js";
import { integrityPart } from "./check.js";
import { troublesInWords } from "./live.js";
import { targetsPart } from "./target.js";
import { named, say } from "./words.js";
import "./lookwords.js";
import { workPart } from "./work.js";

const QUIET_HOURS = 24;

export function drawHeader(context, tools) {
  document.title = context?.region?.plan ? `${named(context.region.plan.names)} · ${say("title")}` : say("title");
  document.getElementById("page-title").textContent = context ? document.title : "";
  replaced("tools", tools.filter(Boolean));
  replaced("where", context ? whereabouts(context) : []);
  document.getElementById("fresh").replaceChildren(...(context?.data ? freshness(context) : []));
}

/** Draw a part of the header again; the focus stays in its place. */
function replaced(id, children) {
  const part = document.getElementById(id);
  const focusable = () => [...part.querySelectorAll("a, button, select")];
  const held = focusable().indexOf(document.activeElement);
  part.replaceChildren(...children);
  focusable()[held]?.focus({ preventScroll: true });
}

/** Whose board it is, where it is a hall's or a department's, by name as far as one is known. */
function whose({ regions, hall, department, data }) {
  const one = hall ? regions.halls.find((other) => other.hall === hall) : data?.work?.outstanding.departments.find((other) => other.department === department);
  return one ? named(one.names) : hall || department;
}

function whereabouts(context) {
  const { regions, region } = context;
  const choose = h(
    "select",
    { "aria-label": say("region"), onchange: (event) => { location.hash = `#/?region=${event.target.value}`; } },
    regions.regions.map((one) => h("option", { value: one.region, selected: one.region === region.region }, regionLabel(one))),
  );
  const narrower = whose(context);
  return [choose, narrower ? h("span", { class: "tag" }, narrower) : null].filter(Boolean);
}

/** A region by its plan or its name, with its code, which an English name may hold already. */
function regionLabel(region) {
  const name = named(region.plan ? region.plan.names : region.names);
  return name.includes(region.region) ? name : `${region.region} ${name}`;
}

/** Green only while it is heard that what halls send is being stored, and what is shown was read since. */
function liveTag({ data, live, cutAt }) {
  const at = data.indicators.as_of.slice(11, 19);
  if (cutAt) return h("span", { class: "tag warn" }, say("offline", { at }));
  if (!live) return h("span", { class: "tag" }, `${say("polling")} ${at}`);
  if (live.troubles.length) return h("span", { class: "tag warn" }, `${say("notLive")} ${at}`);
  return h("span", { class: "tag live" }, h("i", { class: "pulse" }), `${say("live")} ${at}`);
}

function freshness(context) {
  const { data } = context;
  const { coverage } = data.indicators;
  const full = coverage.reporting === coverage.halls && coverage.halls > 0;
  return [
    shortTag(full ? "tag" : "tag warn", say("coverage", coverage), say("coverageShort", coverage)),
    shortTag(isQuiet(coverage) ? "tag warn" : "tag", coverage.newest ? say("newest", { ago: ago(coverage.newest) }) : say("nothingNew"), coverage.newest ? ago(coverage.newest) : say("nothingNewShort")),
    liveTag(context),
  ];
}

/** A tag whose text is cut short where the header has little room; its whole text is read out and stands in its title. */
const shortTag = (kind, full, brief) => h("span", { class: kind, title: full }, h("span", { class: "full" }, full), h("span", { class: "brief", "aria-hidden": "true" }, brief));

const isQuiet = ({ newest }) => !newest || Date.now() - new Date(newest).getTime() > QUIET_HOURS * 3600000;

/** The codes that this one succeeded, or is succeeded by, with the day and the decree. */
function codeChanges({ region }) {
  const called = (one) => (named(one.region_names).includes(one.region) ? named(one.region_names) : `${named(one.region_names)} ${one.region}`);
  const told = (one, key) => say(key, { name: called(one), day: one.from, document: one.document, reason: one.reason });
  return [
    ...region.successors.map((one) => told(one, one.ends ? "codeEnded" : "codeGave")),
    ...region.predecessors.map((one) => told(one, one.ends ? "codeSucceeds" : "codeCameFrom")),
  ];
}

function warnings({ data, region, live, cutAt }) {
  const { coverage, provisional } = data.indicators;
  const silent = coverage.halls - coverage.reporting;
  return [
    ...(data.suite?.troubled || []).map(trouble),
    cutAt ? say("cutOff", { at: clockTime(cutAt) }) : null,
    ...(live && !cutAt ? troublesInWords(live.troubles, region) : []),
    silent > 0 ? say("silentHalls", { n: silent }) : null,
    provisional ? say("provisional") : null,
  ].filter(Boolean);
}

function trouble({ name, state, failing_since: since, next_try: next }) {
  if (state === "halted") return say("partHalted", { name });
  if (!since) return say("partRestarting", { name });
  const words = { name, since: clockTime(since) };
  return next ? say("partFailing", { ...words, next: clockTime(next).slice(11) }) : say("partTried", words);
}

export function drawBoard(board, context) {
  const { data } = context;
  const held = keepPlace(board);
  board.replaceChildren(
    ...warnings(context).map((text) => h("p", { class: "warning", role: "status" }, text)),
    ...codeChanges(context).map((text) => h("p", { class: "hint", role: "note" }, text)),
    ...[
      workPart(context),
      h("div", { class: "front" }, ...[data.targets ? targetsPart(context) : null, integrityPart(context)].filter(Boolean)),
      h("div", { class: "side" }, openCasesPart(context), indicatorsPart(context)),
      data.departments ? departmentsPart(context) : null,
      h("footer", {}, h("span", {}, say("drillHint")), h("a", { href: "/openapi.json" }, "OpenAPI"), h("a", { href: "/problems" }, "Problems")),
    ].filter(Boolean),
  );
  held();
}

/** Drawing again must not move the page, take the focus from what someone holds, or close what he opened. */
function keepPlace(board) {
  const { scrollX, scrollY } = window;
  const find = (key) => board.querySelector(`[data-key="${CSS.escape(key)}"]`);
  const held = board.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const opened = [...board.querySelectorAll("details[data-key]")].map(({ dataset, open }) => [dataset.key, open]);
  return () => {
    for (const [key, open] of opened) find(key)?.toggleAttribute("open", open);
    window.scrollTo(scrollX, scrollY);
    if (held) find(held)?.focus({ preventScroll: true });
  };
}
