// @ts-check
// What stands around the rows of a table of jobs, as elements.
import { make } from "./dom.js";
import { COLUMNS } from "./rows.js";
import { keepKeys } from "./tablerow.js";
import { say } from "./phrases.js";

/** Everything around the rows, in reading order. */
export function build() {
  const root = make("div", "sw-table", { role: "group", "aria-label": say("table.label") });
  const head = make("div", "sw-head");
  const summary = make("span", "sw-summary", { role: "status", "aria-live": "polite" });
  const tools = make("div", "sw-tools");
  const search = make("input", "sw-field", { type: "search", placeholder: say("table.search"), "aria-label": say("table.search.label") });
  const word = make("select", "sw-field", { "aria-label": say("table.status") });
  const grouped = make("input", "", { type: "checkbox" });
  const label = make("label", "sw-label");
  const cancel = make("button", "sw-button", { type: "button" });
  const cancelAll = make("button", "sw-button", { type: "button" });
  const sure = make("span", "sw-sure", { role: "group", "aria-label": say("table.sure") });
  const yes = make("button", "sw-button", { type: "button" });
  const no = make("button", "sw-button", { type: "button" }, say("table.sure.no"));
  const note = make("div", "sw-note", { role: "alert" });
  const scroller = make("div", "sw-scroller");
  const table = make("table", "", { "aria-label": say("table.label") });
  const columns = make("colgroup");
  const thead = make("thead");
  const body = make("tbody");
  const top = make("tr", "", { "aria-rowindex": "1" });
  const all = make("input", "sw-check", { type: "checkbox", "aria-label": say("table.select.all") });
  const sorters = new Map();
  const corner = make("th", "sw-pick", { scope: "col" });
  corner.append(all);
  top.append(corner);
  for (const { name, label: text } of COLUMNS) {
    const th = make("th", "", { scope: "col" });
    const button = make("button", "sw-sort", { type: "button", "data-sort": name }, text);
    th.append(button);
    top.append(th);
    sorters.set(name, th);
  }
  top.append(make("th", "sw-acts", { scope: "col" }, say("table.column.acts")));
  for (const name of ["pick", ...sorters.keys(), "acts"]) columns.append(make("col", `sw-col-${name}`));
  const empty = make("div", "sw-empty");
  thead.append(top);
  table.append(columns, thead, body);
  scroller.append(table, empty);
  label.append(grouped, document.createTextNode(` ${say("table.group")}`));
  sure.append(yes, no);
  head.append(summary);
  tools.append(search, word, label, make("span", "sw-gap"), cancel, cancelAll, sure);
  root.append(head, tools, note, scroller);
  keepKeys(root);
  return { root, summary, search, word, grouped, cancel, cancelAll, sure, yes, no, note, scroller, table, body, all, sorters, empty };
}
