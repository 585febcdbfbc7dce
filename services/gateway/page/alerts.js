// The inbox: what fires now, exactly as Alertmanager has it, since when and why; who takes care of it, and notes.

import { ask, tell } from "./api.js";
import { ago, clockTime, h } from "./dom.js";
import { inChinese, named, say, word } from "./words.js";

const SIGNS = { critical: "✕", warning: "▲", info: "·" };

export const view = { show: (drawer, context) => showAlerts(drawer, context) };

async function showAlerts(drawer, context, told) {
  const found = await ask("/v1/alerts", { region: context.region.region });
  const again = (text) => showAlerts(drawer, context, text);
  drawer.draw(
    say("alertsNow"),
    h("p", { role: "status", class: "hint" }, told || ""),
    found.alerts.length ? h("ul", { class: "alerts" }, [...found.alerts].reverse().map((one) => entry(one, context, again))) : h("p", {}, say("noAlerts")),
  );
}

function entry(alert, context, again) {
  const about = [alert.names.target, alert.names.department].filter(Boolean).map(named);
  const place = alert.region === "0" ? say("ofSuite") : alert.labels.hall || "";
  const may = context.me.may.includes("acknowledge");
  const wrong = h("p", { class: "bad", role: "alert" });
  return h(
    "li",
    { class: `alert is-${alert.severity}` },
    h("p", { class: "facts" }, h("span", { class: "chip" }, h("b", { "aria-hidden": "true" }, SIGNS[alert.severity] || "·"), word("severity", alert.severity)), h("b", {}, oneLanguage(alert.annotations.summary || alert.alert)), alert.silenced ? h("span", { class: "tag" }, say("silenced")) : null),
    about.length || place ? h("p", {}, [...about, place].filter(Boolean).join(" · ")) : null,
    alert.annotations.description ? h("p", {}, oneLanguage(alert.annotations.description)) : null,
    h("p", { class: "hint" }, [say("since", { at: clockTime(alert.started), ago: ago(alert.started) }), say("wentTo", { who: alert.receivers.map((one) => (alert.names[one] ? named(alert.names[one]) : word("receiver", one))).join(", ") })].join(" · ")),
    alert.acknowledged ? h("p", {}, say("takenBy", { who: alert.acknowledged_by, at: clockTime(alert.acknowledged) })) : null,
    alert.notes.length ? h("ul", { class: "notes" }, alert.notes.map((one) => h("li", {}, h("time", {}, clockTime(one.at)), " ", h("b", {}, one.by), " ", one.text))) : null,
    may ? doing(alert, again, wrong) : null,
    wrong,
  );
}

function doing(alert, again, wrong) {
  const which = { region: alert.region, fingerprint: alert.fingerprint };
  const text = h("input", { type: "text", maxlength: 500, "aria-label": say("noteText"), placeholder: say("noteText"), autocomplete: "off" });
  const send = (path, more) => async (event) => {
    event.preventDefault();
    try {
      await tell(path, { ...which, ...more() });
      await again("✓");
    } catch (error) {
      wrong.textContent = error.message;
    }
  };
  return h(
    "form",
    { class: "facts", onsubmit: send("/v1/alerts/note", () => ({ text: text.value })) },
    alert.acknowledged ? null : h("button", { type: "button", class: "main", onclick: send("/v1/alerts/acknowledge", () => ({})) }, say("acknowledge")),
    text,
    h("button", { type: "submit" }, say("writeNote")),
  );
}

/** Texts of alerts hold both languages, Chinese first, divided by a line or a dot; where only one is there, that one. */
function oneLanguage(text) {
  const [chinese, english] = text.split(/\n| · /);
  return inChinese() || !english ? chinese : english;
}
