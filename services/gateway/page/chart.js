// Trends as pictures: a target's year in small on its card, and with axes, a tooltip and the keyboard where it is read.

import "./d3.min.js"; // of the package d3, which the gateway serves from where it was installed
import { dayNumber, h, s, shown, whole } from "./dom.js";
import { inChinese, say } from "./words.js";
import "./chartwords.js";

/** Undefined where npm could not be reached at set-up: charts are then told as tables. */
export const { d3 } = globalThis;
const DAY_MS = 86400000;
const MARGIN = { top: 10, right: 14, bottom: 26, left: 62 };
const MONTH_WIDTH = 46;

const moment = (date) => dayNumber(date) * DAY_MS;

/** Points of the path's line as [moment, value]; none where the path asks for nothing before the end. */
function pathLine(target, plan) {
  const [first, last] = [moment(plan.start), moment(plan.end)];
  const { kind, start, first: from } = target.path;
  if (target.goal === null || kind === "none") return [];
  if (kind === "linear") return [[first, start], [last, target.goal]];
  return [[Math.max(first, moment(from)), target.goal], [last, target.goal]];
}

/** What was measured of an indicator: [{ on, value, numerator, denominator }], without what has no value. */
const readingsOf = (indicator, points) =>
  points.map((point) => ({ on: point.on, ...point.values[indicator] })).filter((one) => one.value !== null && one.value !== undefined);

function extent(numbers, unit) {
  let [low, high] = d3.extent(numbers);
  const pad = (high - low || Math.abs(high) || 1) * 0.14;
  low -= pad;
  high += pad;
  return unit === "share" ? [Math.max(low, Math.min(0, ...numbers)), Math.min(high, Math.max(1.02, ...numbers))] : [Math.max(low, Math.min(0, ...numbers)), high];
}

/**
 * A target's year: what was reached, what the path asks for, the goal, and where it is heading.
 * size: {width, height}; axis: whether days and values are written on it, and each reading is told.
 */
export function yearChart(target, points, plan, on, size, axis = false) {
  const readings = readingsOf(target.indicator, points);
  const reached = readings.map((one) => [moment(one.on), one.value]);
  const picture = {
    label: `${say("value")} ${shown(target.value, target.unit)}, ${say("goal")} ${shown(target.goal, target.unit)}`,
    unit: target.unit, start: plan.start, end: plan.end, today: on, goal: target.goal, readings,
    path: pathLine(target, plan),
    forecast: target.forecast === null || !reached.length ? [] : [reached.at(-1), [moment(plan.end), target.forecast]],
  };
  return axis ? trendChart(picture, size) : drawn(picture, size, { top: 4, right: 4, bottom: 2, left: 2 }, false).svg;
}

/**
 * A trend with axes, as wide as there is room: each reading is told under the pointer, by touch and by the arrow keys, and all
 * of them stand in a table below it.
 * picture: {label, unit, start, end, today, goal, readings, path, forecast, also}, of which readings are told; also: values of
 * other charts of the same scale.
 */
export function trendChart(picture, { width = 760, height = 260 } = {}) {
  const filled = { today: null, goal: null, path: [], forecast: [], ...picture };
  const count = filled.readings.length;
  if (!d3) return h("div", { class: "trend" }, h("p", { class: "hint" }, say("noLibrary")), readingTable(filled));
  const tip = h("p", { class: "tip", hidden: true });
  const told = count ? { role: "slider", tabindex: "0", "aria-label": `${filled.label} · ${say("chartKeys")}`, "aria-valuemin": "1", "aria-valuemax": String(count) } : {};
  const frame = h("div", { class: "plot", ...told });
  const state = { at: count - 1, width, drawing: null };
  const draw = () => {
    state.drawing = drawn(filled, { width: state.width, height }, MARGIN, true);
    frame.replaceChildren(state.drawing.svg, tip);
  };
  draw();
  const tell = count ? tellReadings(frame, tip, filled, state) : () => null;
  new ResizeObserver(([{ contentRect }]) => {
    const room = Math.floor(contentRect.width);
    if (!room || room === state.width) return;
    state.width = room;
    draw();
    if (!tip.hidden) tell();
  }).observe(frame);
  return h("div", { class: "trend" }, frame, count ? readingTable(filled) : h("p", { class: "hint" }, say("noReadings")));
}

const partsOf = (one, unit) => (unit === "count" ? "" : `${whole(one.numerator)} / ${whole(one.denominator)}`);
const textOf = (one, unit) => [one.on, shown(one.value, unit), partsOf(one, unit)].filter(Boolean).join(" · ");

/** Listen for who asks for a reading; return what tells the last one again. */
function tellReadings(frame, tip, { readings, unit }, state) {
  const told = (at) => {
    state.at = at;
    frame.setAttribute("aria-valuenow", String(at + 1));
    frame.setAttribute("aria-valuetext", textOf(readings[at], unit));
  };
  const show = (at) => {
    told(at);
    const { x, y, svg } = state.drawing;
    const [left, top] = [x(moment(readings[at].on)), y(readings[at].value)];
    svg.querySelectorAll(".dot").forEach((dot, place) => dot.classList.toggle("told", place === at));
    tip.replaceChildren(h("b", {}, shown(readings[at].value, unit)), h("span", {}, partsOf(readings[at], unit)), h("span", {}, readings[at].on));
    tip.hidden = false;
    const room = tip.offsetWidth / 2;
    tip.style.left = `${Math.max(room, Math.min(state.width - room, left))}px`;
    tip.style.top = `${top}px`;
    tip.classList.toggle("below", top < tip.offsetHeight + 14);
  };
  const hide = () => {
    tip.hidden = true;
    frame.querySelectorAll(".told").forEach((dot) => dot.classList.remove("told"));
  };
  const near = d3.bisector((one) => moment(one.on)).center;
  frame.addEventListener("pointermove", (event) => show(near(readings, state.drawing.x.invert(d3.pointer(event, state.drawing.svg)[0]).getTime())));
  frame.addEventListener("pointerleave", () => (document.activeElement === frame ? show(state.at) : hide()));
  frame.addEventListener("focus", () => show(state.at));
  frame.addEventListener("blur", hide);
  frame.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: state.at - 1, ArrowDown: state.at - 1, ArrowRight: state.at + 1, ArrowUp: state.at + 1, Home: 0, End: readings.length - 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    show(Math.max(0, Math.min(readings.length - 1, steps[event.key])));
  });
  told(state.at);
  return () => show(state.at);
}

function readingTable({ readings, unit }) {
  const head = [say("day"), say("value"), unit === "count" ? null : say("numeratorOverDenominator")].filter(Boolean);
  return h(
    "details",
    {},
    h("summary", { class: "hint" }, say("asTable")),
    h(
      "table",
      { class: "plain readings" },
      h("thead", {}, h("tr", {}, head.map((text) => h("th", { scope: "col" }, text)))),
      h("tbody", {}, readings.map((one) => h("tr", {}, h("th", { scope: "row" }, one.on), h("td", {}, shown(one.value, unit)), unit === "count" ? null : h("td", {}, partsOf(one, unit))))),
    ),
  );
}

/** The picture itself, with its scales. */
function drawn(picture, { width, height }, margin, axis) {
  const { readings, path, forecast, goal, unit } = picture;
  const reached = readings.map((one) => [moment(one.on), one.value]);
  const numbers = [...[...reached, ...path, ...forecast].map(([, value]) => value), ...(readings.length ? picture.also || [] : [])];
  if (goal !== null) numbers.push(goal);
  const svg = s("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": picture.label });
  if (!d3) return { svg };
  const x = d3.scaleUtc([moment(picture.start), moment(picture.end)], [margin.left, width - margin.right]);
  const y = d3.scaleLinear(numbers.length ? extent(numbers, unit) : [0, 1], [height - margin.bottom, margin.top]);
  if (!numbers.length) return { svg, x, y };
  const [left, right] = x.range();
  const line = d3.line(([day]) => x(day), ([, value]) => y(value));
  const curve = (kind, points) => (points.length > 1 ? s("path", { class: kind, d: line(points) }) : null);
  if (axis) drawAxes(d3.select(svg), x, y, unit);
  const today = picture.today === null ? null : Math.min(x(moment(picture.today)), right);
  const shapes = [
    goal === null ? null : s("line", { class: "goal", x1: left, x2: right, y1: y(goal), y2: y(goal) }),
    curve("path", path),
    today === null ? null : s("line", { class: "today", x1: today, x2: today, y1: margin.top, y2: height - margin.bottom }),
    reached.length > 1 ? s("path", { class: "area", d: d3.area(([day]) => x(day), y.range()[0], ([, value]) => y(value))(reached) }) : null,
    curve("forecast", forecast),
    curve("reached", reached),
    ...(axis ? reached : reached.slice(-1)).map(([day, value]) => s("circle", { class: "dot", cx: x(day), cy: y(value), r: axis ? 4 : 3.2 })),
  ];
  svg.append(...shapes.filter(Boolean));
  return { svg, x, y };
}

function drawAxes(svg, x, y, unit) {
  const [left, right] = x.range();
  const months = Math.max(1, Math.ceil((d3.utcMonth.count(...x.domain()) + 1) / Math.max(1, Math.floor((right - left) / MONTH_WIDTH))));
  const days = x.ticks(d3.utcMonth.every(months) || d3.utcYear);
  svg.append("g").attr("class", "axis").attr("transform", `translate(0 ${y.range()[0]})`).call(d3.axisBottom(x).tickValues(days).tickFormat(monthText).tickSizeOuter(0));
  svg.append("g").attr("class", "axis").attr("transform", `translate(${left} 0)`).call(d3.axisLeft(y).ticks(5).tickFormat((value) => tickText(value, unit)).tickSize(left - right));
}

/** A month; with its year where one begins. */
export function monthText(day) {
  const first = day.getUTCMonth() === 0;
  if (inChinese()) return first ? `${day.getUTCFullYear()}年1月` : `${day.getUTCMonth() + 1}月`;
  const month = day.toLocaleString("en", { month: "short", timeZone: "UTC" });
  return first ? `${month} ${day.getUTCFullYear()}` : month;
}

const tickText = (value, unit) => (unit === "share" ? `${Number((value * 100).toFixed(2))} %` : String(Number(value.toFixed(2))));

/** Round values between two, four or five of them. */
export const ticks = (low, high) => (d3 ? d3.ticks(low, high, 4) : [low, high]);
