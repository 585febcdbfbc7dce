// The inbox: what fires now, exactly as Alertmanager has it, since when and why; who takes care of it, and notes.

import { tell } from "./api.js";
import { ago, clockTime, h } from "./dom.js";
import { listPart } from "./list.js";
import { inChinese, named, say, word } from "./words.js";
import "./trendwords.js";

const SIGNS = { critical: "✕", warning: "▲", info: "·" };

const HOURS = [1, 4, 24, 72, 168];

export const view = { show: (drawer, context, _, query) => showAlerts(drawer, context, query) };

/** asked: the fingerprint of the alert on which a link opens the inbox. */
async function showAlerts(drawer, context, query, told) {
  const asked = told === undefined ? query.get("alert") : null;
  const again = (text) => showAlerts(drawer, context, new URLSearchParams(location.hash.split("?")[1] || ""), text);
  let fires = false;
  const parts = await listPart({
    id: "alerts",
    path: "/v1/alerts",
    asked: { region: context.region.region },
    rows: (answer, { sort }) => {
      fires = fires || answer.alerts.some((one) => one.fingerprint === asked);
      return sort ? answer.alerts : [...answer.alerts].reverse();
    },
    empty: say("noAlerts"),
    entry: (one) => entry(one, context, again),
    filters: [{ key: "severity", head: say("severity"), choices: Object.keys(SIGNS).map((one) => [one, word("severity", one)]) }],
    columns: ["started", "severity", "department", "region"].map((key) => ({ key, head: say({ started: "alertStarted" }[key] || key) })),
  }, query);
  drawer.draw(say("alertsNow"), h("p", { role: "status", class: "hint" }, told || ""), ...parts, asked && !fires ? h("p", { class: "hint" }, say("alertOver")) : null);
  document.getElementById(`alert-${asked}`)?.scrollIntoView({ block: "center" });
  document.getElementById(`alert-${asked}`)?.focus();
}

function entry(alert, context, again) {
  const about = [alert.region_names, alert.labels.hall_names, alert.names.department, alert.names.target].filter((one) => one && alert.region !== "0").map(named);
  const place = alert.region === "0" ? say("ofSuite") : "";
  const may = context.me.may.includes("acknowledge");
  const wrong = h("p", { class: "bad", role: "alert" });
  return h(
    "li",
    { class: `alert is-${alert.severity}`, id: `alert-${alert.fingerprint}`, tabindex: "-1" },
    h("p", { class: "facts" }, h("span", { class: "chip" }, h("b", { "aria-hidden": "true" }, SIGNS[alert.severity] || "·"), word("severity", alert.severity)), h("b", {}, alertText(alert)), alert.silenced ? h("span", { class: "tag" }, say("silenced")) : null),
    about.length || place ? h("p", {}, [...about, place].filter(Boolean).join(" · "), alert.names.target ? [" ", h("a", { href: `#/target/${alert.labels.target}` }, say("targetPage"))] : null) : null,
    alert.annotations.description ? h("p", {}, inChinese() ? alert.annotations.description : alert.annotations.description_en || alert.annotations.description) : null,
    h("p", { class: "hint" }, [say("since", { at: clockTime(alert.started), ago: ago(alert.started) }), say("wentTo", { who: alert.receivers.map((one) => (alert.names[one] ? named(alert.names[one]) : word("receiver", one))).join(", ") })].join(" · ")),
    alert.acknowledged ? h("p", {}, say("takenBy", { who: alert.acknowledged_by, at: clockTime(alert.acknowledged) })) : null,
    alert.notes.length ? h("ul", { class: "notes" }, alert.notes.map((one) => h("li", {}, h("time", {}, clockTime(one.at)), " ", h("b", {}, one.by), " ", one.text))) : null,
    ...alert.silences.map((one) => h("p", { class: "hint" }, say("silencedBy", { who: one.by, at: clockTime(one.until), why: one.reason }))),
    may ? doing(alert, again, wrong) : null,
    may ? silencing(alert, again, wrong) : null,
    wrong,
  );
}

const sender = (alert, again, wrong) => (path, more) => async (event) => {
  event.preventDefault();
  const button = event.submitter || event.currentTarget;
  button.disabled = true;
  try {
    await tell(path, { region: alert.region, fingerprint: alert.fingerprint, ...more() });
    await again(say("alertNoted"));
  } catch (error) {
    wrong.textContent = error.message;
    button.disabled = false;
  }
};

function doing(alert, again, wrong) {
  const text = h("input", { type: "text", name: `note-${alert.fingerprint}`, maxlength: 500, "aria-label": say("noteText"), placeholder: say("noteText"), autocomplete: "off" });
  const send = sender(alert, again, wrong);
  return h(
    "form",
    { class: "facts", onsubmit: send("/v1/alerts/note", () => ({ text: text.value })) },
    alert.acknowledged ? null : h("button", { type: "button", class: "main", onclick: send("/v1/alerts/acknowledge", () => ({})) }, say("acknowledge")),
    text,
    h("button", { type: "submit" }, say("writeNote")),
  );
}

/** Silence for a time with a reason, or end the silence that is of this alert alone. */
function silencing(alert, again, wrong) {
  const send = sender(alert, again, wrong);
  if (alert.silences.some((one) => one.own)) return h("p", {}, h("button", { type: "button", onclick: send("/v1/alerts/unsilence", () => ({})) }, say("unsilence")));
  if (alert.silenced) return null;
  const reason = h("input", { type: "text", name: `silence-${alert.fingerprint}`, required: true, maxlength: 500, "aria-label": say("silenceReason"), placeholder: say("silenceReason"), autocomplete: "off" });
  const hours = h("select", { name: `hours-${alert.fingerprint}`, "aria-label": say("silenceFor") }, HOURS.map((n) => h("option", { value: n }, n < 24 ? say("hoursLong", { n }) : say("daysLong", { n: n / 24 }))));
  return h(
    "details",
    {},
    h("summary", {}, say("silence")),
    h("form", { class: "facts", onsubmit: send("/v1/alerts/silence", () => ({ hours: Number(hours.value), reason: reason.value })) }, hours, reason, h("button", { type: "submit" }, say("silence"))),
  );
}

/** An alert in one line, in the language of the page; its name where it has no text. */
export function alertText({ annotations, alert }) {
  return (inChinese() ? annotations.summary : annotations.summary_en || annotations.summary) || alert;
}
