// Elements, numbers and days. Nothing here is ever made from markup: what comes from outside stays text.

import { inChinese, say } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, one] of Object.entries(value)) key.startsWith("--") ? element.style.setProperty(key, one) : (element.style[key] = one);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (tag, attributes, ...children) => filled(document.createElement(tag), attributes, children);
/** A part that scrolls sideways by itself: with the arrow keys too, and on a phone it says so. */
export const sideways = (label, ...children) => [h("p", { class: "sideways", "aria-hidden": "true" }, say("sideways")), h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, children)];

export const s = (tag, attributes, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

const GROUPED = new Intl.NumberFormat("en-US");

export const whole = (number) => GROUPED.format(number);

/** A value in its unit: shares as percentages. */
export function shown(value, unit) {
  if (value === null || value === undefined) return say("noValue");
  if (unit === "share") return `${(value * 100).toFixed(2)} %`;
  if (unit === "days") return `${value.toFixed(2)} ${say("days")}`;
  return Number.isInteger(value) ? whole(value) : value.toFixed(1);
}

/** A difference with its sign, a real minus. */
export function difference(value, unit) {
  if (value === null || value === undefined) return say("noValue");
  const amount = Math.abs(value);
  const text =
    unit === "share" ? `${(amount * 100).toFixed(2)} ${say("points")}` : unit === "days" ? `${amount.toFixed(2)} ${say("days")}` : shown(amount, unit);
  const sign = /[1-9]/.test(text) ? (value < 0 ? "−" : "+") : "±";
  return `${sign}${text}`;
}

export function ago(moment) {
  const minutes = Math.max(0, Math.round((Date.now() - new Date(moment).getTime()) / 60000));
  if (minutes < 2) return say("justNow");
  if (minutes < 120) return say("minutesAgo", { n: minutes });
  if (minutes < 48 * 60) return say("hoursAgo", { n: Math.round(minutes / 60) });
  return say("daysAgo", { n: Math.round(minutes / 1440) });
}

/** This moment, written as the API writes moments. */
export const nowInShanghai = () => new Date(Date.now() + 8 * 3600000).toISOString().replace("Z", "+08:00");

/** A moment of the API, which writes all of them in Shanghai's time. */
export const clockTime = (moment) => moment.slice(0, 16).replace("T", " ");

export function monthName(year, month) {
  return inChinese()
    ? `${year}年${month}月`
    : new Date(Date.UTC(year, month - 1, 1)).toLocaleString("en", { month: "long", year: "numeric", timeZone: "UTC" });
}

/** A period YYYY, YYYY-MM or YYYY-MM-DD in words; a day stays as it is. */
export function periodName(period) {
  const [year, month, day] = period.split("-").map(Number);
  if (day) return period;
  return month ? monthName(year, month) : inChinese() ? `${year}年` : String(year);
}

/** Days since 1970-01-01 of a date YYYY-MM-DD. */
export const dayNumber = (date) => Math.round(Date.parse(`${date}T00:00:00Z`) / 86400000);
