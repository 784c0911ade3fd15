// @ts-check
// A form that is built anew while somebody fills it in: what was entered goes over, and the focus with it.
import { FormView } from "./formview.js";

/** A view in the place of another one, of the same model. @param {FormView} view @param {HTMLElement} el */
export function again(view, el) {
  const held = view.entries.find((entry) => entry.holdsFocus);
  const entered = view.entries.filter((entry) => entry.isTouched || (entry === held && !stands(entry)));
  const next = new FormView(view.model, el, view.shared);
  for (const { field, control } of entered) {
    const entry = find(next, field.name);
    entry?.set(control.get());
    if (entry) next.changed(entry);
  }
  view.close();
  if (held) find(next, held.field.name)?.focus();
  return next;
}

/** Whether an entry stands where it stood at first. @param {any} entry */
const stands = ({ field, control }) => JSON.stringify(control.get()) === JSON.stringify(field.start);

/** @param {FormView} view @param {string} name */
const find = (view, name) => view.entries.find((entry) => entry.field.name === name);
