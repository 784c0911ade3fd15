// @ts-check
// The tasks of a service, to be searched. Whatever the service said goes in as text.
import { make, put } from "./dom.js";
import { count, say } from "./phrases.js";

/**
 * The tasks in which every word that was typed stands, in name, standing or description, in capitals or not.
 * @param {{name: string, standing: string, description: string}[]} tasks @param {string} text
 */
export function found(tasks, text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return tasks.filter((task) => {
    const said = `${task.name} ${task.standing} ${task.description}`.toLowerCase();
    return words.every((word) => said.includes(word));
  });
}

/** One task of the list. @param {{name: string, standing: string, description: string}} task */
function entry(task) {
  const item = make("li", "sw-task");
  const head = make("div", "sw-task-head");
  head.append(make("span", "sw-title", {}, task.name));
  if (task.standing) head.append(make("span", "sw-standing", {}, task.standing));
  item.append(head);
  if (task.description) item.append(make("div", "sw-task-text", {}, task.description));
  return item;
}

/** @param {{model: any, el: HTMLElement}} context */
function render({ model, el }) {
  const root = make("div", "sw-table sw-tasks", { role: "group", "aria-label": say("tasks.label") });
  const title = make("div", "sw-summary", {});
  const field = /** @type {HTMLInputElement} */ (
    make("input", "sw-field", { type: "search", placeholder: say("tasks.search"), "aria-label": say("tasks.search.label") })
  );
  const number = make("span", "sw-found", { role: "status", "aria-live": "polite" });
  const problem = make("div", "sw-note", { role: "alert" });
  const list = make("ul", "sw-task-list", { "aria-label": say("tasks.label"), tabindex: "0" });
  const tools = make("div", "sw-tools");
  tools.append(field, number);
  root.append(title, tools, problem, list);
  el.append(root);

  let whole = null; // of long descriptions a page without a kernel has the beginnings
  const draw = () => {
    const tasks = whole ?? model.get("tasks");
    const chosen = found(tasks, field.value);
    put(title, say("tasks.title", { url: model.get("service_url"), tasks: count("task", tasks.length) }));
    put(number, field.value.trim() ? count("task", chosen.length) : "");
    put(problem, model.get("problem"));
    problem.hidden = !model.get("problem");
    list.replaceChildren(...chosen.map(entry));
  };
  // What is typed is for this field, and not for a notebook's shortcuts.
  field.addEventListener("keydown", (event) => event.stopPropagation());
  field.addEventListener("input", draw);
  const ask = () => {
    if (model.get("tasks_cut")) model.send({ kind: "tasks" });
    else whole = null;
  };
  const onCustom = (message) => {
    if (message.kind !== "tasks") return;
    whole = message.tasks;
    draw();
  };
  const listeners = [["change:tasks", ask], ["change:tasks", draw], ["change:problem", draw], ["msg:custom", onCustom]];
  for (const [name, listener] of listeners) model.on(name, listener);
  draw();
  ask();
  return () => {
    for (const [name, listener] of listeners) model.off(name, listener);
    root.remove();
  };
}

export default () => ({ render });
