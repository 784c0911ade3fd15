// @ts-check
// What one value is entered with. An entry is plain JSON of texts; formvalues.py in the kernel makes values of them.
import { make } from "./dom.js";
import { fits } from "./fieldtypes.js";
import { say } from "./phrases.js";

/**
 * What enters an entry.
 * @typedef {object} Control
 * @property {HTMLElement} node
 * @property {() => any} get
 * @property {(entry: any) => void} set
 * @property {HTMLElement[]} inputs those that a label, help and errors belong to; the first one is focused
 * @property {() => void} [refresh] shows what there is to choose from now
 * @property {() => void} [close]
 */

/**
 * Where a control stands: `label` names it to those who cannot see where it stands, `changed` is called when an entry is
 * complete, `begun` when it is about to be, `make` makes the controls of its parts, `columns` tells the columns of the layer that it belongs to.
 * @typedef {{label: string, changed: () => void, begun: () => void, make: (field: any, context: any) => Control, columns: () => string[][], model: any, shared: any, owner: any}} Context
 */

/** An input of one line. @param {Context} context @returns {HTMLInputElement} */
export function line(context, name = "", attributes = {}) {
  const node = /** @type {HTMLInputElement} */ (make("input", `sw-input ${name}`.trim(), { type: "text", "aria-label": context.label, autocomplete: "off", spellcheck: "false", ...attributes }));
  node.addEventListener("change", context.changed);
  return node;
}

/** A choice of one. @param {Context} context @param {string[][]} options value and text of each */
export function select(context, options, name = "") {
  const node = /** @type {HTMLSelectElement} */ (make("select", `sw-input ${name}`.trim(), { "aria-label": context.label }));
  fill(node, options);
  node.addEventListener("change", context.changed);
  return node;
}

/** Give a select other options; what was chosen stays so, if it is there. @param {HTMLSelectElement} node @param {string[][]} options */
export function fill(node, options) {
  const { value } = node;
  const isSame = ([key, text], at) => node.options[at]?.value === key && node.options[at].textContent === text;
  if (options.length === node.options.length && options.every(isSame)) return; // it may be open
  node.replaceChildren(...options.map(([key, text]) => make("option", "", { value: key }, text)));
  if (options.some(([key]) => key === value)) node.value = value;
}

/** @param {any} node @returns {Control} */
const simple = (node) => ({ node, get: () => node.value, set: (entry) => (node.value = entry), inputs: [node] });

/** @type {(field: any, context: Context) => Control} */
function text(field, context) {
  const isLong = field.kind === "json" || field.start.includes("\n") || field.start.length > 80;
  if (!isLong) return withColumns(field, context, simple(line(context, "sw-wide")));
  const node = make("textarea", "sw-input sw-wide", { rows: "3", "aria-label": context.label, spellcheck: "false" });
  node.addEventListener("change", context.changed);
  return withColumns(field, context, simple(node));
}

/** Put a choice of the layer's columns beside a text. @param {any} field @param {Context} context @param {Control} control @returns {Control} */
function withColumns(field, context, control) {
  if (!field.columns) return control;
  const input = /** @type {HTMLInputElement} */ (control.node);
  const node = make("span", "sw-both");
  const pick = select({ ...context, label: say("form.column.label", { name: context.label }), changed: () => {} }, []);
  pick.addEventListener("change", () => {
    const { value } = pick;
    pick.value = "";
    if (!value) return;
    if (field.kind === "where") input.setRangeText(value, input.selectionStart ?? 0, input.selectionEnd ?? 0, "end");
    else input.value = value;
    input.focus();
    context.changed();
  });
  const refresh = () => {
    const columns = context.columns().filter(([, kind]) => fits(field.words, kind));
    pick.hidden = !columns.length;
    fill(pick, [["", say("form.column")], ...columns.map(([name, kind]) => [name, `${name} (${kind})`])]);
  };
  node.append(input, pick);
  refresh();
  return { ...control, node, refresh };
}

/** @type {(field: any, context: Context) => Control} */
function number(_field, context) {
  return simple(line(context, "sw-number", { inputmode: "decimal" }));
}

/** @type {(field: any, context: Context) => Control} */
function date(_field, context) {
  const node = line(context, "", { type: "datetime-local", step: "any" });
  return { ...simple(node), get: () => (node.validity.badInput ? "…" : node.value) };
}

/** @type {(field: any, context: Context) => Control} */
function boolean(field, context) {
  if (field.start === "") return simple(select(context, [["", say("form.none")], ["true", say("form.true")], ["false", say("form.false")]]));
  const node = /** @type {HTMLInputElement} */ (make("input", "sw-tick", { type: "checkbox", "aria-label": context.label }));
  node.addEventListener("change", context.changed);
  return { node, get: () => String(node.checked), set: (entry) => (node.checked = entry === "true"), inputs: [node] };
}

/** @type {(field: any, context: Context) => Control} */
function choice(field, context) {
  const options = field.labels.map((label, index) => [String(index), label]);
  if (!field.required || field.start === "") options.unshift(["", say("form.none")]);
  return simple(select(context, options));
}

/** @type {(field: any, context: Context) => Control} */
function quantity(field, context) {
  const node = make("span", "sw-both");
  const amount = line(context, "sw-number", { inputmode: "decimal" });
  const units = select({ ...context, label: say("form.units", { name: context.label }) }, field.units);
  node.append(amount, units);
  const set = (entry) => ([amount.value, units.value] = [entry.number, entry.units]);
  return { node, get: () => ({ number: amount.value, units: units.value }), set, inputs: [amount, units] };
}

/** @type {(field: any, context: Context) => Control} */
function refused() {
  return { node: make("span", ""), get: () => "", set: () => {}, inputs: [] };
}

/** Kind to what makes its control. */
export const CONTROLS = {
  text,
  where: text,
  field: text,
  json: text,
  hidden: (_field, context) => simple(line(context, "sw-wide", { type: "password" })),
  whole: number,
  number,
  date,
  boolean,
  choice,
  linear: quantity,
  areal: quantity,
  time: quantity,
  refused,
};
