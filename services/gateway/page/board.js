// The board: header, warnings, and the four parts.

import { ago, clockTime, h } from "./dom.js";
import { departmentsPart } from "./departments.js";
import { indicatorsPart, openCasesPart } from "./figures.js";
import { integrityPart } from "./check.js";
import { troublesInWords } from "./live.js";
import { targetsPart } from "./target.js";
import { named, say } from "./words.js";
import { workPart } from "./work.js";

const QUIET_HOURS = 24;

export function drawHeader(context, tools) {
  document.title = context?.region?.plan ? `${named(context.region.plan.names)} · ${say("title")}` : say("title");
  document.getElementById("tools").replaceChildren(...tools.filter(Boolean));
  document.getElementById("where").replaceChildren(...(context ? whereabouts(context) : []));
  document.getElementById("fresh").replaceChildren(...(context?.data ? freshness(context) : []));
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
    regions.regions.map((one) => h("option", { value: one.region, selected: one.region === region.region }, `${one.region} ${regionName(one)}`)),
  );
  const narrower = whose(context);
  return [choose, narrower ? h("span", { class: "tag" }, narrower) : null].filter(Boolean);
}

function regionName(region) {
  return region.plan ? named(region.plan.names) : say(region.level);
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
    h("span", { class: full ? "tag" : "tag warn" }, say("coverage", coverage)),
    h("span", { class: isQuiet(coverage) ? "tag warn" : "tag" }, coverage.newest ? say("newest", { ago: ago(coverage.newest) }) : say("nothingNew")),
    liveTag(context),
  ];
}

const isQuiet = ({ newest }) => !newest || Date.now() - new Date(newest).getTime() > QUIET_HOURS * 3600000;

function warnings({ data, live, cutAt }) {
  const { coverage, provisional } = data.indicators;
  const silent = coverage.halls - coverage.reporting;
  return [
    ...(data.suite?.troubled || []).map(trouble),
    cutAt ? say("cutOff", { at: clockTime(cutAt) }) : null,
    ...(live && !cutAt ? troublesInWords(live.troubles) : []),
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

/** Drawing anew must not move the page, take the focus from what somebody holds, or close what he opened. */
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
