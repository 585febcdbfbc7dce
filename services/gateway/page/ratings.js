// Ratings (好差评): by hall and department over a window of time, and the bad ones with what became of them.

import { ask } from "./api.js";
import { h, shown, whole } from "./dom.js";
import { named, say } from "./words.js";
import "./lookwords.js";

const SCORES = [1, 2, 3, 4, 5];

export const view = { needsBoard: true, show: (drawer, context, _, query) => showRatings(drawer, context, Object.fromEntries(query)) };

async function showRatings(drawer, context, { from, to, hall, department }) {
  const window = { from: from || context.data.indicators.from, to: to || context.data.indicators.to };
  const scope = { hall: context.hall || hall, department: context.department || department };
  const answer = await ask("/v1/ratings", { region: context.region.region, ...scope, ...window });
  const whom = [scope.hall ? named(answer.hall_names) : null, scope.department ? named(answer.department_names) : null].filter(Boolean);
  return drawer.draw(
    [say("ratingsTitle"), ...whom].join(" · "),
    windowForm({ ...scope, ...window }),
    answer.ratings.rated ? sections(answer, scope, window) : h("p", { role: "status" }, say("noRatings", window)),
  );
}

const addressOf = (asked) => `#/ratings?${new URLSearchParams(Object.entries(asked).filter(([, value]) => value))}`;

/** The days are read when they are sent: a day that is half typed asks for nothing. */
function windowForm(asked) {
  const day = (name, label) => h("label", {}, `${say(label)} `, h("input", { type: "date", name, value: asked[name], required: true }));
  const go = (event) => {
    event.preventDefault();
    location.hash = addressOf({ ...asked, ...Object.fromEntries(new FormData(event.target)) });
  };
  return h("form", { class: "facts", role: "search", "aria-label": say("ratingsTitle"), onsubmit: go }, day("from", "ratedFrom"), day("to", "ratedTo"), h("button", {}, say("show")), asked.hall || asked.department ? h("a", { href: addressOf({ from: asked.from, to: asked.to }) }, say("ratingsOfAll")) : null);
}

function sections(answer, scope, window) {
  const halls = answer.halls.map((one) => [named(one.hall_names), one.ratings, { ...window, hall: one.hall }]);
  const departments = answer.departments.map((one) => [one.department ? named(one.department_names) : say("noDepartment"), one.ratings, one.department ? { ...window, department: one.department } : null]);
  return [
    countTable(say("byHall"), say("hall"), halls, answer.ratings),
    scope.department ? null : countTable(say("byDepartment"), say("department"), departments, answer.ratings),
    badTable(answer),
  ];
}

function countTable(title, kind, rows, all) {
  const cells = (ratings) => [
    ...ratings.scores.map((number, place) => h("td", { class: "number", "data-label": say("stars", { n: SCORES[place] }) }, whole(number))),
    h("td", { class: "number", "data-label": say("satisfactionShort") }, `${shown(ratings.value, "share")} `, h("small", { class: "hint" }, `${whole(ratings.satisfied)} / ${whole(ratings.rated)}`)),
  ];
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
    h(
      "table",
      { class: "cases stacked counted" },
      h("caption", {}, title),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, kind), SCORES.map((n) => h("th", { scope: "col", class: "number" }, say("stars", { n }))), h("th", { scope: "col", class: "number" }, say("satisfactionShort")))),
      h("tbody", {}, rows.map(([name, ratings, asked]) => h("tr", {}, h("td", {}, asked ? h("a", { href: addressOf(asked) }, name) : name), cells(ratings)))),
      h("tfoot", {}, h("tr", {}, h("td", {}, h("b", {}, say("total"))), cells(all))),
    ),
  );
}

function badTable(answer) {
  const title = `${say("badRatings")} ${whole(answer.bad_in_all)}`;
  if (!answer.bad.length) return h("p", { class: "hint" }, say("noBadRatings"));
  const cell = (key, kind, ...children) => h("td", { class: kind, "data-label": say(key) }, children);
  const row = (one) =>
    h(
      "tr",
      {},
      h("td", {}, h("a", { href: `#/case/${one.region}/${one.hall}/${encodeURIComponent(one.case_id)}` }, one.case_id)),
      cell("hall", null, named(one.hall_names)),
      cell("department", null, one.department ? named(one.department_names) : ""),
      cell("ratedDay", "day", one.rated),
      cell("ratedScore", "number", String(one.score)),
      cell("rectification", one.answered ? null : "late", outcome(one)),
      cell("answeredDay", "day", one.answered || ""),
      cell("rectifyingDays", one.answered ? "number" : "number late", `${one.days} ${say("days")}`),
    );
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": title },
    h(
      "table",
      { class: "cases stacked bads" },
      h("caption", {}, title, answer.bad.length < answer.bad_in_all ? h("small", { class: "hint" }, ` ${say("latestOnly", { n: answer.bad.length })}`) : null),
      h("thead", {}, h("tr", {}, ["caseId", "hall", "department", "ratedDay", "ratedScore", "rectification", "answeredDay", "rectifyingDays"].map((key) => h("th", { scope: "col" }, say(key))))),
      h("tbody", {}, answer.bad.map(row)),
    ),
  );
}

function outcome(one) {
  if (!one.answered) return `○ ${say("notAnswered")}`;
  if (one.rectified) return `✓ ${say("isRectified")}`;
  return one.verified ? `▲ ${say("notRectified")}` : `– ${say("notTrue")}`;
}
