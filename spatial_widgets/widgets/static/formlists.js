// @ts-check
// Entries of several values: lists, tables, and one of several types.
import { button, make } from "./dom.js";
import { select } from "./formcontrols.js";
import { say } from "./phrases.js";

const ACTS = { up: "form.up", down: "form.down", remove: "form.remove" };

/**
 * Items that are added, removed and put into another order. @param {any} context @param {string} name the class of an item
 * @param {(n: number) => string} label what the item of that number is called, for its buttons
 * @param {(entry: any, n: number) => any} open makes an item: `{parts, get, refresh, close, relabel}`
 * @param {() => any} fresh the entry of a new one
 */
function items(context, name, label, open, fresh) {
  const node = make("div", "sw-items");
  const box = make("div", "sw-lines", { role: "list" });
  const add = button(say("form.add"), "sw-quiet");
  add.setAttribute("aria-label", say("form.add.label", { name: context.label }));
  node.append(box, add);
  /** @type {any[]} */
  let all = [];
  const arrange = () => {
    box.hidden = !all.length;
    all.forEach((item, at) => {
      if (box.children[at] !== item.node) box.insertBefore(item.node, box.children[at] ?? null);
      item.relabel(at + 1);
      for (const [act, name] of Object.entries(ACTS)) item.acts[act].setAttribute("aria-label", say("form.act", { act: say(name), what: label(at + 1) }));
      item.acts.up.disabled = at === 0;
      item.acts.down.disabled = at === all.length - 1;
    });
  };
  const act = (item, kind) => {
    const at = all.indexOf(item);
    all.splice(at, 1);
    if (kind === "remove") {
      item.close?.();
      item.node.remove();
    } else all.splice(at + (kind === "up" ? -1 : 1), 0, item);
    arrange();
    const next = kind === "remove" ? (all[Math.min(at, all.length - 1)]?.acts.remove ?? add) : item.acts[kind];
    (next.disabled ? item.acts[kind === "up" ? "down" : "up"] : next).focus();
    context.changed();
  };
  const put = (entry) => {
    const item = open(entry, all.length + 1);
    item.node = make("div", name, { role: "listitem" });
    item.acts = {};
    item.node.append(...item.parts);
    for (const [kind, text] of Object.entries(ACTS)) {
      item.acts[kind] = button(say(text), "sw-quiet");
      item.acts[kind].addEventListener("click", () => act(item, kind));
      item.node.append(item.acts[kind]);
    }
    all.push(item);
    return item;
  };
  add.addEventListener("click", () => {
    const item = put(fresh());
    arrange();
    item.node.querySelector("input, select, textarea, button")?.focus();
    context.begun(); // nothing is wrong with it before its reader had a chance
  });
  return {
    node,
    get: () => all.map((item) => item.get()),
    set(entries) {
      all.forEach((item) => item.close?.());
      all = [];
      box.replaceChildren();
      entries.forEach(put);
      arrange();
    },
    inputs: [add],
    refresh: () => all.forEach((item) => item.refresh?.()),
    close: () => all.forEach((item) => item.close?.()),
  };
}

function relabel(control, label) {
  control.inputs.forEach((input) => input.setAttribute("aria-label", label));
}

/** @type {(field: any, context: any) => import("./formcontrols.js").Control} */
export function list(field, context) {
  const [member] = field.parts;
  const label = (n) => say("form.member.label", { name: context.label, n });
  const open = (entry, n) => {
    const control = context.make(member, { ...context, label: label(n) });
    control.set(entry);
    return { ...control, parts: [control.node], relabel: (at) => relabel(control, label(at)) };
  };
  return items(context, "sw-member", label, open, () => structuredClone(member.start));
}

/** @type {(field: any, context: any) => import("./formcontrols.js").Control} */
export function rows(field, context) {
  const label = (n) => say("form.member.label", { name: context.label, n });
  const open = (entry, n) => {
    const called = (part, at) => say("form.cell.label", { name: context.label, n: at, column: part.label });
    const controls = field.parts.map((part, at) => {
      const control = context.make(part, { ...context, label: called(part, n) });
      control.set(entry[at] ?? part.start);
      return control;
    });
    const cells = controls.map((control, at) => {
      const cell = make("span", "sw-cell");
      cell.append(make("span", "sw-cellname", {}, field.parts[at].label), control.node);
      return cell;
    });
    return {
      parts: cells,
      get: () => controls.map((control) => control.get()),
      relabel: (at) => controls.forEach((control, column) => relabel(control, called(field.parts[column], at))),
      refresh: () => controls.forEach((control) => control.refresh?.()),
      close: () => controls.forEach((control) => control.close?.()),
    };
  };
  return items(context, "sw-member", label, open, () => field.parts.map((part) => structuredClone(part.start)));
}

/** @type {(field: any, context: any) => import("./formcontrols.js").Control} */
export function composite(field, context) {
  const node = make("div", "sw-both");
  const place = make("span", "sw-alternative");
  const options = field.parts.map((part, index) => [String(index), part.type.replace(/^GP/, "")]);
  const type = select({ ...context, label: say("form.kind", { name: context.label }), changed: () => {} }, options);
  /** @type {any} */
  let control = null;
  const open = (index, entry) => {
    control?.close?.();
    control = context.make(field.parts[index], context);
    control.set(entry);
    place.replaceChildren(control.node);
  };
  type.addEventListener("change", () => {
    open(Number(type.value), structuredClone(field.parts[Number(type.value)].start));
    context.changed();
  });
  node.append(type, place);
  return {
    node,
    get: () => ({ type: type.value, value: control.get() }),
    set(entry) {
      type.value = entry.type;
      open(Number(entry.type), entry.value);
    },
    inputs: [type],
    refresh: () => control?.refresh?.(),
    close: () => control?.close?.(),
  };
}
