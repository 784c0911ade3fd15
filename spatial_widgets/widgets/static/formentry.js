// @ts-check
// One field of a form: its label, what it is entered with, help, and what is wrong with it.
import { make, put, summary } from "./dom.js";
import { CONTROLS } from "./formcontrols.js";
import { composite, list, rows } from "./formlists.js";
import { origins } from "./formorigins.js";
import { extent, reference } from "./formplaces.js";
import { say } from "./phrases.js";

const LONG = 200; // of a text that is shown whole
const ASIDE = new Set(["units", "from", "type"]); // what is chosen beside a value, and is none
const WAYS = { ...CONTROLS, list, rows, composite, layer: origins, table: origins, file: origins, reference, extent };
const ONE = new Set(["text", "where", "field", "json", "hidden", "whole", "number", "date", "boolean", "choice"]); // one element

/** One field in the page: its label, control, help and error. */
export class Entry {
  /** @param {any} field @param {FormView} view @param {string} id */
  constructor(field, view, id) {
    Object.assign(this, { field, isTouched: false, awaited: "" });
    const isOne = ONE.has(field.kind);
    this.node = make(isOne ? "div" : "fieldset", "sw-entry");
    this.node.dataset.name = field.name;
    this.node.dataset.kind = field.kind;
    const label = make(isOne ? "label" : "legend", "sw-name", {}, field.label);
    const must = make("span", "sw-must", {}, say("form.required.mark"));
    must.hidden = !field.required;
    const top = isOne ? make("div", "sw-top") : label;
    if (isOne) {
      must.setAttribute("aria-hidden", "true"); // the input itself says so
      top.append(label, must);
    } else label.append(" ", must);
    this.control = control(field, {
      label: field.label,
      changed: () => view.changed(this),
      begun: () => this.begin(),
      make: control,
      columns: () => view.columns(field),
      model: view.model,
      shared: view.shared,
      owner: field,
    });
    const texts = make("div", "sw-texts", { id: `${id}-texts` });
    this.node.append(top, this.control.node, texts);
    texts.append(told("sw-help", field.help, say("form.help", { name: field.label })));
    for (const note of field.notes) texts.append(make("div", "sw-hint", {}, note));
    // Who empties a field may think that nothing is done then.
    this.left = make("div", "sw-hint", {}, say("form.left"));
    texts.append(this.left);
    this.wrong = make("div", "sw-wrong", { id: `${id}-wrong`, "aria-live": "polite" });
    this.node.append(this.wrong);
    const described = `${id}-texts ${id}-wrong`;
    if (isOne && this.control.inputs.length) {
      const [input] = this.control.inputs;
      input.id = id;
      input.removeAttribute("aria-label"); // its label is beside it
      label.setAttribute("for", id);
      input.setAttribute("aria-describedby", described);
      if (field.required && input.type !== "checkbox") input.setAttribute("aria-required", "true");
    } else this.node.setAttribute("aria-describedby", described);
    this.set(field.start);
  }

  /** Show an entry. @param {any} entry */
  set(entry) {
    this.control.set(structuredClone(entry));
    this.look();
  }

  /** It is about to be changed. */
  begin() {
    this.isTouched = true;
    this.look();
  }

  look() {
    this.left.hidden = this.field.required || isEmpty(this.field.start) || !isEmpty(this.control.get());
  }

  /** Show what is wrong with it. @param {string} text */
  tell(text) {
    put(this.wrong, text);
    this.node.classList.toggle("sw-has-wrong", text !== "");
    for (const input of this.control.inputs) {
      if (text && input.tagName !== "BUTTON") input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    }
  }

  get holdsFocus() {
    const root = /** @type {ShadowRoot | Document} */ (this.node.getRootNode());
    return root.activeElement !== null && this.node.contains(root.activeElement);
  }

  focus() {
    this.control.inputs.find((input) => !input.hidden)?.focus();
  }
}

/** Whether nothing is entered. @param {any} entry @returns {boolean} */
function isEmpty(entry) {
  if (typeof entry === "string") return entry.trim() === "";
  return Array.isArray(entry) ? !entry.length : Object.entries(entry).every(([name, value]) => ASIDE.has(name) || isEmpty(value));
}

/** A text of the service; of a long one its first lines, and the rest where its reader opens it. */
export function told(name, text, more) {
  const node = make("div", name);
  node.hidden = !text;
  if (text.length <= LONG) {
    node.textContent = text;
    return node;
  }
  const end = text.slice(0, LONG).search(/\n\s*\n|[^\s]*$/);
  const rest = make("details", "sw-more");
  rest.append(summary(more), make("div", "", {}, text.slice(end).trim()));
  node.append(make("div", "", {}, text.slice(0, end).trim()), rest);
  return node;
}

/** @param {any} field @param {any} context */
function control(field, context) {
  return WAYS[field.kind](field, context);
}
