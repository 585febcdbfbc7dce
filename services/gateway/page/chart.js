// A target's year as a picture: what was reached, what the path asks for, the goal, and where it is heading.

import { dayNumber, s, shown } from "./dom.js";
import { say } from "./words.js";

/** Points of the path's line as [day, value]; none where the path asks for nothing before the end. */
function pathLine(target, plan) {
  const [first, last] = [dayNumber(plan.start), dayNumber(plan.end)];
  const { kind, start, first: from } = target.path;
  if (target.goal === null || kind === "none") return [];
  if (kind === "linear") return [[first, start], [last, target.goal]];
  return [[Math.max(first, dayNumber(from)), target.goal], [last, target.goal]];
}

function valuesOf(target, points) {
  return points
    .filter((point) => point.values[target.indicator] && point.values[target.indicator].value !== null)
    .map((point) => [dayNumber(point.on), point.values[target.indicator].value, point.on]);
}

function scale(from, to, low, high) {
  const span = to - from || 1;
  return (value) => low + ((value - from) / span) * (high - low);
}

function extent(numbers, unit) {
  let [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const pad = (high - low || Math.abs(high) || 1) * 0.14;
  low -= pad;
  high += pad;
  return unit === "share" ? [Math.max(low, Math.min(0, ...numbers)), Math.min(high, 1.02)] : [Math.max(low, 0), high];
}

const line = (points, x, y) => points.map(([day, value], i) => `${i ? "L" : "M"}${x(day).toFixed(1)} ${y(value).toFixed(1)}`).join("");

/** size: {width, height, left, bottom}; axis: whether days and values are written on it. */
export function yearChart(target, points, plan, on, size, axis = false) {
  const { width, height, left = 2, bottom = 2 } = size;
  const reached = valuesOf(target, points);
  const path = pathLine(target, plan);
  const forecast = target.forecast === null || !reached.length ? [] : [reached.at(-1), [dayNumber(plan.end), target.forecast]];
  const numbers = [...reached, ...path, ...forecast].map(([, value]) => value);
  if (target.goal !== null) numbers.push(target.goal);
  if (!numbers.length) return s("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart" });
  const [low, high] = extent(numbers, target.unit);
  const x = scale(dayNumber(plan.start), dayNumber(plan.end), left, width - 4);
  const y = scale(low, high, height - bottom, 4);
  const today = x(Math.min(dayNumber(on), dayNumber(plan.end)));
  const label = `${say("value")} ${shown(target.value, target.unit)}, ${say("goal")} ${shown(target.goal, target.unit)}`;
  return s(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img", "aria-label": label },
    axis ? axes(plan, [low, high], x, y, size, target.unit) : null,
    target.goal === null ? null : s("line", { class: "goal", x1: left, x2: width - 4, y1: y(target.goal), y2: y(target.goal) }),
    path.length ? s("path", { class: "path", d: line(path, x, y) }) : null,
    s("line", { class: "today", x1: today, x2: today, y1: 2, y2: height - bottom }),
    reached.length > 1 ? s("path", { class: "area", d: `${line(reached, x, y)}L${x(reached.at(-1)[0])} ${height - bottom}L${x(reached[0][0])} ${height - bottom}Z` }) : null,
    forecast.length ? s("path", { class: "forecast", d: line(forecast, x, y) }) : null,
    reached.length > 1 ? s("path", { class: "reached", d: line(reached, x, y) }) : null,
    axis ? reached.map(([day, value, date]) => dot(x(day), y(value), `${date} ${shown(value, target.unit)}`)) : null,
    !axis && reached.length ? dot(x(reached.at(-1)[0]), y(reached.at(-1)[1])) : null,
  );
}

function dot(cx, cy, title) {
  return s("circle", { class: "dot", cx, cy, r: 3.2 }, title ? s("title", {}, title) : null);
}

/** Round values between two, four or five of them. */
export function ticks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((n) => n * power >= rough) * power;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, n) => (first + n) * step);
}

const tickText = (value, unit) => (unit === "share" ? `${Number((value * 100).toFixed(1))} %` : String(Number(value.toFixed(2))));

function axes(plan, [low, high], x, y, { width, height, left, bottom }, unit) {
  const marks = ticks(low, high).flatMap((value) => [
    s("line", { class: "grid", x1: left, x2: width - 4, y1: y(value), y2: y(value) }),
    s("text", { class: "tick", x: left - 6, y: y(value) + 3.5, "text-anchor": "end" }, tickText(value, unit)),
  ]);
  const [year, month] = plan.start.split("-").map(Number);
  for (let n = 0; n < 36; n += 1) {
    const at = new Date(Date.UTC(year, month - 1 + n, 1));
    const day = at.getTime() / 86400000;
    if (day > dayNumber(plan.end)) break;
    if (day >= dayNumber(plan.start)) {
      marks.push(s("text", { class: "tick", x: x(day) + 2, y: height - bottom + 14 }, String(at.getUTCMonth() + 1)));
    }
  }
  return marks;
}
