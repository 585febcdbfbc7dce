// The plan's list of tasks: lead, phase, evidence and state, which the leading departments report here.

import { tell } from "./api.js";
import { clockTime, h } from "./dom.js";
import { listPart } from "./list.js";
import { superviseLink } from "./matters.js";
import { named, say, word } from "./words.js";

const SIGNS = { not_started: "○", in_progress: "→", done: "✓" };
const STATES = Object.keys(SIGNS);

export const view = { show: (drawer, context, _, query) => showTasks(drawer, context, query) };

const taskChip = (state) => h("span", { class: `chip is-task-${state}` }, h("b", { "aria-hidden": "true" }, SIGNS[state]), word("task", state));

async function showTasks(drawer, context, query, told) {
  const { region, department } = context;
  const again = (text) => showTasks(drawer, context, new URLSearchParams(location.hash.split("?")[1] || ""), text);
  const done = (tasks) => say("tasksDone", { n: tasks.filter((one) => one.state === "done").length, of: tasks.length });
  const parts = await listPart({
    id: "tasks",
    path: "/v1/tasks",
    asked: { region: region.region, department },
    rows: (answer) => answer.tasks,
    more: (answer) => h("p", {}, done(answer.tasks)),
    empty: say("noTasks"),
    entry: (one) => entry(one, context, again),
    filters: [{ key: "state", head: say("taskState"), choices: STATES.map((one) => [one, word("task", one)]) }],
    columns: [["id", "matterNumber"], ["due", "taskDue"], ["state", "taskState"], ["names", "taskName"]].map(([key, head]) => ({ key, head: say(head) })),
  }, query);
  drawer.draw(say("tasks"), h("p", { role: "status", class: "hint" }, told || ""), ...parts);
}

function entry(task, context, again) {
  return h(
    "li",
    { class: `alert is-task-${task.state}` },
    h("h3", {}, `${task.id} · ${named(task.names)}`),
    h("p", { class: "facts" }, taskChip(task.state), h("span", { class: task.overdue ? "late" : "hint" }, [named(task.phase_names), task.due ? say("dueBy", { day: task.due }) : ""].filter(Boolean).join(" · ")), task.targets.map((id) => targetLink(id, context))),
    h("p", { class: "hint" }, h("b", {}, say("evidenceWanted")), " ", named(task.evidence)),
    task.departments.map((part) => partOf(task, part, context, again)),
  );
}

function targetLink(id, { data }) {
  const target = data?.targets?.targets.find((one) => one.id === id);
  return target ? h("a", { href: `#/target/${id}` }, named(target.names)) : null;
}

function partOf(task, part, context, again) {
  const said = part.evidence ? h("p", { class: "said" }, h("b", {}, say("evidence")), " ", part.evidence) : null;
  return h(
    "div",
    { class: "part" },
    h("p", { class: "facts" }, h("b", {}, named(part.department_names)), taskChip(part.state), part.state === "done" ? null : superviseLink(context, "task", task.id, part.department)),
    said,
    part.may ? reporting(task, part, context, again) : null,
    part.history.length ? h("details", {}, h("summary", {}, say("reportHistory")), h("ul", { class: "notes" }, part.history.map((one) => h("li", {}, h("time", {}, clockTime(one.at)), " ", h("b", {}, one.by), " ", word("task", one.state), " ", one.evidence)))) : null,
  );
}

function reporting(task, part, context, again) {
  const id = `${task.id}-${part.department}`;
  const state = h("select", { name: `task-state-${id}`, "aria-label": `${named(task.names)} ${say("taskState")}` }, STATES.map((one) => h("option", { value: one, selected: one === part.state }, word("task", one))));
  const evidence = h("input", { type: "text", name: `task-evidence-${id}`, maxlength: 2000, "aria-label": `${named(task.names)} ${say("evidence")}`, placeholder: say("evidence"), value: part.evidence, autocomplete: "off" });
  const wrong = h("p", { class: "bad", role: "alert" });
  const button = h("button", { type: "submit" }, say("reportTask"));
  const send = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await tell("/v1/tasks", { region: context.region.region, task: task.id, department: part.department, state: state.value, evidence: evidence.value });
      await again(say("taskReported"));
    } catch (error) {
      wrong.textContent = error.message;
      button.disabled = false;
    }
  };
  return h("form", { class: "facts", onsubmit: send }, state, evidence, button, wrong);
}
