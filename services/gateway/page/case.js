// One case: where it stands, its clock day by day, its limits and where they come from, and its events as sent.

import { ask } from "./api.js";
import { clockTime, h, monthName } from "./dom.js";
import { nothingAt } from "./drawer.js";
import { departmentOf } from "./behind.js";
import { cardChip, superviseLink } from "./matters.js";
import { chip } from "./states.js";
import { named, say, word } from "./words.js";

const WHY = ["start", "counted", "weekend", "holiday", "regional_holiday", "suspended"];

export const view = { show: showCase };

/** The address of a case of which a line tells as HALL/CASE_ID; the id may hold any sign. */
export function caseAddress(region, subject) {
  const [hall, ...rest] = subject.split("/");
  return `#/case/${region}/${hall}/${encodeURIComponent(rest.join("/"))}`;
}

async function showCase(drawer, context, [region, hall, ...rest]) {
  if (!rest.length) return nothingAt(drawer);
  const id = rest.join("/");
  const found = await ask(`/v1/cases/${region}/${hall}/${encodeURIComponent(id)}`);
  drawer.draw(
    `${found.case_id}`,
    h(
      "p",
      { class: "facts" },
      chip(found.state),
      [departmentOf(context, found), named(found.hall_names), found.channel && word("channel", found.channel)].filter(Boolean).map((text) => h("span", { class: "tag" }, text)),
      cardChip(found),
      found.late_days || found.state === "unaccepted_late" ? superviseLink(context, "case", `${found.hall}/${found.case_id}`) : null,
      found.flags.map((flag) => h("span", { class: "tag warn" }, word("flag", flag))),
      found.dates && found.dates.decided && !found.timed ? h("span", { class: "tag warn" }, say("notTimed")) : null,
    ),
    found.limits && found.limits.item_version ? h("p", {}, found.limits.item_version.name, " ", h("small", { class: "hint" }, found.item_code)) : h("p", { class: "hint" }, found.item_code),
    found.dates ? dates(found) : h("p", { class: "hint" }, say("pendingCase")),
    found.limits ? limits(found) : null,
    found.suspensions.length ? suspensions(found) : null,
    found.clock.length ? clock(found) : null,
    events(found),
  );
}

function dates(found) {
  const shown = ["received", "accepted", "rejected", "due", "decided", "withdrawn", "rated"].map((key) => [key, key === "due" ? found.due : found.dates[key]]);
  return h(
    "dl",
    { class: "figures" },
    shown.filter(([, date]) => date).map(([key, date]) => h("div", {}, h("dt", {}, say(key)), h("dd", {}, date, key === "rated" && found.score ? ` · ${"★".repeat(found.score)}` : ""))),
    found.elapsed === null ? null : h("div", {}, h("dt", {}, say("elapsed")), h("dd", {}, say("workdays", { n: found.elapsed }))),
  );
}

function limits(found) {
  const version = found.limits.item_version;
  const origin = (limit) => (limit.origin === "case" ? say("originCase") : limit.origin === "item" ? say("originItem", { from: version ? version.effective_from : "" }) : say("originNone"));
  const row = (key, limit) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, say(key)),
      h("td", {}, limit.days === null ? say("noValue") : say("workdays", { n: limit.days }), limit.extended_days && limit.days !== null ? h("small", {}, ` + ${say("extended", { n: limit.extended_days })}`) : null),
      h("td", { class: "hint" }, origin(limit)),
      h("td", { class: "day" }, limit.due || ""),
      h("td", {}, limit.kept === null ? "" : limit.kept ? `✓ ${say("kept")}` : `▲ ${say("broken")}`),
    );
  return h("table", { class: "plain" }, h("caption", {}, say("limits")), row("promisedLimit", found.limits.promised), row("statutoryLimit", found.limits.statutory));
}

function suspensions(found) {
  return h(
    "table",
    { class: "plain" },
    h("caption", {}, say("suspensions")),
    found.suspensions.map((one) => h("tr", {}, h("th", { scope: "row" }, word("procedure", one.procedure)), h("td", { class: "day" }, `${one.start} → ${one.end || say("still")}`))),
  );
}

function clock(found) {
  const months = new Map();
  for (const day of found.clock) {
    const key = day.date.slice(0, 7);
    months.set(key, [...(months.get(key) || []), day]);
  }
  const today = found.as_of.slice(0, 10);
  return h(
    "section",
    { class: "clock" },
    h("h3", {}, say("clock")),
    h("p", { class: "hint" }, say("clockHint"), found.truncated ? ` ${say("truncatedClock")}` : ""),
    h("p", { class: "legend" }, WHY.filter((why) => found.clock.some((day) => day.why === why)).map((why) => h("span", { class: `why-${why}` }, word("why", why))), found.due ? h("span", { class: "why-due" }, say("dueDay")) : null, found.clock.some((day) => day.provisional) ? h("span", { class: "why-provisional" }, say("provisionalDay")) : null),
    h("div", { class: "months" }, [...months].map(([key, days]) => month(key, days, found, today))),
  );
}

function month(key, days, found, today) {
  const [year, number] = key.split("-").map(Number);
  const before = (new Date(`${days[0].date}T00:00:00Z`).getUTCDay() + 6) % 7;
  return h(
    "div",
    { class: "month" },
    h("h4", {}, monthName(year, number)),
    h("div", { class: "grid" }, Array.from({ length: before }, () => h("span", { class: "gap" })), days.map((day) => dayCell(day, found, today))),
  );
}

function dayCell(day, found, today) {
  const kinds = [`why-${day.why}`, day.date === found.due ? "why-due" : "", day.date === today ? "is-today" : "", day.provisional ? "provisional" : "", found.due && day.date > found.due && day.why === "counted" ? "over" : ""];
  const name = day.why === "suspended" ? word("procedure", day.name) : day.name;
  const title = [day.date, word("why", day.why), name, say("workdays", { n: day.elapsed })].filter(Boolean).join(" · ");
  const inside = day.why === "counted" || day.why === "start" ? day.elapsed : "";
  return h("span", { class: kinds.filter(Boolean).join(" "), title }, h("small", {}, Number(day.date.slice(8))), inside);
}

function events(found) {
  return h(
    "section",
    { class: "events" },
    h("h3", {}, say("events")),
    h(
      "ol",
      {},
      found.events.map(({ event, retracted, corrected_by: corrections }) =>
        h(
          "li",
          { class: retracted ? "retracted" : null },
          h("time", {}, clockTime(event.time)),
          h("b", {}, word("event", event.type.replace("hall.", "").replace(".v1", "").replaceAll(".", "_"))),
          retracted ? h("span", { class: "tag warn" }, say(corrections.length ? "corrected" : "retracted")) : null,
          h("details", {}, h("summary", {}, say("raw")), h("pre", { tabindex: "0" }, JSON.stringify(event, null, 2))),
        ),
      ),
    ),
  );
}
