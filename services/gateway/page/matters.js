// The ladder of supervision: what is supervised, a matter with its history, and a new one made from the figures.

import { ask, download, tell } from "./api.js";
import { caseAddress } from "./case.js";
import { clockTime, h } from "./dom.js";
import { sending } from "./drawer.js";
import { listPart } from "./list.js";
import { named, say, word } from "./words.js";

const SIGNS = { waiting: "○", late: "✕", answered: "◔", returned: "↩", closed: "✓" };
const RUNGS = { reminder: "Ⅰ", rectification: "Ⅱ", criticism: "Ⅲ" };
const ABOUT = ["target", "department", "case", "finding", "task"];
const FORMS = ["docx", "html", "pdf"];

export const view = { show: showMatters };

async function showMatters(drawer, context, [which], query) {
  if (which === "new") return showDraft(drawer, context, query);
  if (/^\d+$/.test(which || "")) return showMatter(drawer, context, which);
  return showList(drawer, context, which === "all" ? "all" : "open", query);
}

export const matterChips = (one) => [
  h("span", { class: `chip is-rung-${one.rung}` }, h("b", { "aria-hidden": "true" }, RUNGS[one.rung]), named(one.rung_names)),
  h("span", { class: `chip is-matter-${one.state}` }, h("b", { "aria-hidden": "true" }, SIGNS[one.state]), named(one.state_names)),
];

const CARDS = { yellow: "▲", red: "■" };

/** A late case's card by sign, word and colour. */
export const cardChip = (one) => (one.card ? h("span", { class: `chip is-card-${one.card}` }, h("b", { "aria-hidden": "true" }, CARDS[one.card]), word("card", one.card), " ", say("workdaysLate", { n: one.late_days })) : null);

/** A link to a new matter, for who may open one. */
export function superviseLink({ me }, about, subject, department) {
  if (!me.may.includes("supervise")) return null;
  const query = new URLSearchParams({ about, subject, ...(department ? { department } : {}) });
  return h("a", { class: "button", href: `#/matters/new?${query}` }, say("supervise"));
}

/** A line of 我的工作. */
export const matterLine = (one, hint) => h("li", {}, h("a", { href: `#/matters/${one.matter}` }, named(one.names)), matterChips(one), h("span", { class: one.state === "late" ? "late" : "hint" }, hint));

async function showList(drawer, context, which, query) {
  const { region, department } = context;
  const choices = (kind, codes) => codes.map((one) => [one, word(kind, one)]);
  const parts = await listPart({
    id: "matters",
    path: "/v1/matters",
    asked: { region: region.region, department, which },
    rows: (answer) => answer.matters,
    empty: say("nothingSupervised"),
    table: "stacked matters",
    filters: [
      { key: "state", head: say("matterStanding"), choices: choices("matter", Object.keys(SIGNS)) },
      { key: "rung", head: say("step"), choices: choices("rung", Object.keys(RUNGS)) },
      { key: "about", head: say("aboutWhat"), choices: choices("about", ABOUT) },
    ],
    columns: [
      { key: "matter", head: say("matterNumber"), kind: "number", cell: (one) => one.matter },
      { key: "names", head: say("matterTitle"), kind: "wrap", files: ["names", "about"], cell: (one) => [h("a", { href: `#/matters/${one.matter}` }, named(one.names)), " ", h("small", { class: "hint" }, word("about", one.about))] },
      { key: "department", head: say("department"), kind: "wrap", cell: (one) => named(one.department_names) },
      { key: "state", head: say("matterState"), files: ["rung", "state"], cell: matterChips },
      { key: "deadline", head: say("answerBy"), kind: (one) => (one.state === "late" ? "day late" : "day"), cell: (one) => one.deadline },
      { key: "opened", head: say("openedOn"), kind: "day", cell: (one) => one.opened.slice(0, 10) },
    ],
  }, query);
  drawer.draw(
    say("supervision"),
    h("p", { class: "facts" }, h("a", { class: "button", href: which === "all" ? "#/matters" : "#/matters/all" }, say(which === "all" ? "onlyOpen" : "closedToo"))),
    ...parts,
  );
}

async function showMatter(drawer, context, number, told) {
  const found = await ask(`/v1/matters/${number}`);
  const again = (text) => showMatter(drawer, context, number, text);
  const step = found.entries.filter((one) => one.rung).at(-1);
  drawer.draw(
    `${say("matterOf", { n: found.matter })} · ${named(found.names)}`,
    h("p", { class: "facts" }, matterChips(found), h("span", { class: "tag" }, named(found.department_names)), h("span", { class: "hint" }, say("answerDue", { day: found.deadline })), subjectLink(found)),
    found.unfinished ? h("p", { class: "warning" }, say("unfinished", { day: found.answer.done_by })) : null,
    h("p", { role: "status", class: "hint" }, told || ""),
    h("section", { class: "step" }, h("p", {}, named(step.text)), facts(step.facts)),
    found.may.includes("answered") ? answerForm(found, again) : null,
    found.may.some((one) => one !== "answered") ? decisionForm(found, again) : null,
    h("section", { class: "print" }, h("h3", {}, say("printSheet")), h("p", { class: "facts" }, FORMS.map((form) => printButton(found, form)))),
    history(found),
  );
}

function subjectLink(found) {
  const address = { target: `#/target/${found.subject}`, case: caseAddress(found.region, found.subject), finding: `#/check/${found.subject}`, task: "#/tasks" }[found.about];
  return address ? h("a", { href: address }, say("seeSubject")) : null;
}

const facts = (listed) => (listed.length ? h("dl", { class: "figures" }, listed.map((one) => h("div", {}, h("dt", {}, named(one.names)), h("dd", {}, named(one.content))))) : null);

/** A field of a form with its label. */
function field(id, key, make) {
  const input = make({ id, name: id });
  return { input, parts: [h("label", { for: id }, say(key)), input] };
}

const lines = (maxlength) => (given) => h("textarea", { ...given, rows: 3, maxlength });
const day = (value, min) => (given) => h("input", { ...given, type: "date", value, min });

/** A form that does its work once at a time, and says what went wrong. */
function form(title, parts, buttons) {
  const wrong = h("p", { class: "bad", role: "alert" });
  const made = buttons.map(({ key, kind, work }) =>
    h("button", { type: "button", class: kind, onclick: async (event) => {
      event.target.disabled = true;
      wrong.textContent = "";
      try {
        await sending(event.target.form, work);
      } catch (error) {
        wrong.textContent = error.message;
        event.target.disabled = false;
      }
    } }, say(key)));
  return h("form", { class: "fields judging", onsubmit: (event) => event.preventDefault() }, h("h3", {}, title), parts, wrong, h("p", { class: "facts" }, made));
}

function answerForm(found, again) {
  const before = found.answer || { cause: "", measures: "", done_by: "" };
  const cause = field("cause", "cause", lines(2000));
  const measures = field("measures", "measures", lines(2000));
  const doneBy = field("done-by", "doneBy", day(before.done_by));
  cause.input.defaultValue = before.cause;
  measures.input.defaultValue = before.measures;
  const send = async () => {
    if (!doneBy.input.value) throw new Error(say("dayMissing"));
    await tell("/v1/matters/answer", { matter: found.matter, cause: cause.input.value, measures: measures.input.value, done_by: doneBy.input.value });
    await again(say("answerSent"));
  };
  return form(say("yourAnswer"), [cause.parts, measures.parts, doneBy.parts], [{ key: "sendAnswer", kind: "main", work: send }]);
}

function decisionForm(found, again) {
  const reason = field("decision-reason", "reason", lines(2000));
  const deadline = field("decision-deadline", "newDeadline", day("", new Date().toISOString().slice(0, 10)));
  const decide = (verdict, key) => async () => {
    await tell("/v1/matters/decide", { matter: found.matter, verdict, reason: reason.input.value, ...(deadline.input.value && verdict !== "closed" ? { deadline: deadline.input.value } : {}) });
    await again(say(key));
  };
  const verdicts = { closed: ["closeMatter", "main"], returned: ["returnAnswer", ""], raised: [`raise_${found.next_rung}`, ""] };
  const buttons = ["closed", "returned", "raised"].filter((one) => found.may.includes(one)).map((one) => ({ key: verdicts[one][0], kind: verdicts[one][1], work: decide(one, `told_${one}`) }));
  const again_ = found.may.includes("returned") || found.may.includes("raised") ? deadline.parts : [];
  return form(say("decideMatter"), [reason.parts, again_], buttons);
}

function printButton(found, kind) {
  const button = h("button", { type: "button", onclick: async () => {
    button.disabled = true;
    await download(`/v1/matters/${found.matter}`, { format: kind }).catch((error) => { button.title = error.message; });
    button.disabled = false;
  } }, word("sheet", kind));
  return button;
}

function history(found) {
  return h(
    "section",
    { class: "events" },
    h("h3", {}, say("matterHistory")),
    h("ol", {}, found.entries.map((one) =>
      h(
        "li",
        {},
        h("time", {}, clockTime(one.at)),
        h("b", {}, one.rung ? `${word("deed", one.deed)} · ${word("rung", one.rung)}` : word("deed", one.deed)),
        h("span", { class: "hint" }, [one.by, one.deadline ? say("answerDue", { day: one.deadline }) : ""].filter(Boolean).join(" · ")),
        one.reason ? h("p", { class: "said" }, h("b", {}, say(one.deed === "opened" ? "remarkOf" : "reason")), " ", one.reason) : null,
        one.answer ? h("dl", { class: "said" }, [["cause", one.answer.cause], ["measures", one.answer.measures], ["doneBy", one.answer.done_by]].map(([key, text]) => h("div", {}, h("dt", {}, say(key)), h("dd", {}, text)))) : null,
        one.rung ? h("details", {}, h("summary", {}, say("textOfStep")), h("p", {}, named(one.text)), facts(one.facts)) : null,
      ))),
  );
}

async function showDraft(drawer, context, query) {
  const asked = { region: context.region.region, about: query.get("about"), subject: query.get("subject"), department: query.get("department") };
  const draft = await ask("/v1/matters/draft", asked);
  const whom = field("department", "addressee", (given) => h("select", { ...given, onchange: () => { if (whom.input.value !== draft.department) { query.set("department", whom.input.value); showDraft(drawer, context, query); } } }, draft.departments.map((one) => h("option", { value: one.id, selected: one.id === draft.department }, named(one.names)))));
  const rung = field("rung", "step", (given) => h("select", given, ["reminder", "rectification"].map((one) => h("option", { value: one, selected: one === draft.rung }, word("rung", one)))));
  const deadline = field("deadline", "answerBy", day(draft.deadline, new Date().toISOString().slice(0, 10)));
  const reason = field("remark", "remark", lines(2000));
  const open = async () => {
    const body = { region: asked.region, about: asked.about, subject: asked.subject, department: whom.input.value, rung: rung.input.value, deadline: deadline.input.value || null, reason: reason.input.value };
    const made = await tell("/v1/matters", body);
    location.hash = `#/matters/${made.matter}`;
  };
  const may = draft.wrong && draft.open === null;
  drawer.draw(
    `${say("newMatter")} · ${named(draft.names)}`,
    draft.card ? h("p", { class: "facts" }, h("span", { class: `chip is-card-${draft.card}` }, h("b", { "aria-hidden": "true" }, CARDS[draft.card]), word("card", draft.card))) : null,
    h("section", { class: "step" }, h("h3", {}, say("textFromFigures")), h("p", {}, named(draft.text)), facts(draft.facts)),
    draft.open === null ? null : h("p", { class: "warning" }, h("a", { href: `#/matters/${draft.open}` }, say("alreadyOpen", { n: draft.open }))),
    draft.wrong ? null : h("p", { class: "warning" }, say("nothingAmiss")),
    may ? form(say("sendMatter"), [whom.parts, rung.parts, deadline.parts, reason.parts], [{ key: "openMatter", kind: "main", work: open }]) : whom.parts,
  );
}
