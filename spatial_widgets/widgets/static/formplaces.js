// @ts-check
// Spatial references, with a search in the kernel's own database, and extents.
import { button, make } from "./dom.js";
import { fill, line, select } from "./formcontrols.js";
import { say } from "./phrases.js";

const CORNERS = ["xmin", "ymin", "xmax", "ymax"];

/** @type {(field: any, context: any) => import("./formcontrols.js").Control} */
export function reference(_field, context) {
  const node = make("div", "sw-items");
  const top = make("span", "sw-both");
  const input = line(context, "sw-wide");
  const search = button(say("form.search"), "sw-quiet");
  const found = /** @type {HTMLSelectElement} */ (make("select", "sw-input sw-wide", { size: "6", "aria-label": say("form.found", { name: context.label }) }));
  const none = make("span", "", { role: "status" });
  let asked = "";
  search.setAttribute("aria-label", say("form.search.label", { name: context.label }));
  found.hidden = true;
  search.addEventListener("click", () => {
    asked = input.value.trim();
    context.model.send({ kind: "search", text: asked });
  });
  const take = () => {
    if (!found.value) return;
    input.value = found.value;
    context.changed();
  };
  found.addEventListener("change", take);
  found.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== "Escape") return;
    event.preventDefault();
    found.hidden = true;
    input.focus();
  });
  const onMessage = (message) => {
    if (message.kind !== "found" || !asked || message.text !== asked.slice(0, 100)) return;
    asked = "";
    none.textContent = message.items.length ? "" : say("form.found.none");
    found.hidden = !message.items.length;
    fill(found, message.items.map((item) => [item.code, say("form.found.one", item)]));
    found.selectedIndex = -1;
    if (message.items.length) found.focus();
  };
  context.shared.listeners.add(onMessage);
  top.append(input, search, none);
  node.append(top, found);
  return {
    node,
    get: () => input.value,
    set: (entry) => (input.value = entry),
    inputs: [input],
    close: () => context.shared.listeners.delete(onMessage),
  };
}

/** @type {(field: any, context: any) => import("./formcontrols.js").Control} */
export function extent(field, context) {
  const node = make("div", "sw-items");
  const corners = make("span", "sw-both");
  const inputs = CORNERS.map((corner) => {
    const cell = make("span", "sw-cell");
    const input = line({ ...context, label: say("form.part", { name: context.label, part: corner }) }, "sw-number", { inputmode: "decimal" });
    cell.append(make("span", "sw-cellname", {}, corner), input);
    corners.append(cell);
    return input;
  });
  const crs = reference(field, { ...context, label: say("form.part", { name: context.label, part: "crs" }) });
  const cell = make("span", "sw-cell");
  cell.append(make("span", "sw-cellname", {}, "crs"), crs.node);
  const take = select({ ...context, label: say("form.extent.take.label", { name: context.label }), changed: () => {} }, []);
  let ticket = "";
  const set = (entry) => {
    CORNERS.forEach((corner, at) => (inputs[at].value = entry[corner]));
    crs.set(entry.crs);
  };
  const refresh = () => {
    const layers = (context.shared.offers ?? []).filter((offer) => offer.is_layer);
    take.hidden = !layers.length;
    fill(take, [["", say("form.extent.take")], ...layers.map(({ from, name, told }) => [`${from} ${name}`, `${name} (${told})`])]);
  };
  take.addEventListener("focus", () => context.model.send({ kind: "offers" }));
  take.addEventListener("change", () => {
    const [from, text] = take.value.split(" ");
    take.value = "";
    ticket = String(Math.random());
    if (text) context.model.send({ kind: "extent", from, text, ticket });
  });
  const onMessage = (message) => {
    if (message.kind !== "extent" || message.ticket !== ticket || !message.entry) return;
    set(message.entry);
    context.changed();
  };
  context.shared.listeners.add(onMessage);
  refresh();
  node.append(corners, cell, take);
  return {
    node,
    refresh,
    get: () => ({ ...Object.fromEntries(CORNERS.map((corner, at) => [corner, inputs[at].value])), crs: crs.get() }),
    set,
    inputs,
    close() {
      crs.close?.();
      context.shared.listeners.delete(onMessage);
    },
  };
}
