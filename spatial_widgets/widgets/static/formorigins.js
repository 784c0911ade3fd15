// @ts-check
// Layers, tables and files: a frame of the notebook, a sample, a URL, a file of the kernel's machine or of the reader's.
import { button, make } from "./dom.js";
import { fill, line, select } from "./formcontrols.js";
import { say } from "./phrases.js";
import { Upload } from "./upload.js";

const FROM = { variable: "form.from.variable", sample: "form.from.sample", url: "form.from.url", file: "form.from.file", text: "form.from.text" };

/** What fits into a field. @param {any} field @param {any[] | null} offers @param {string} origin */
export function fitting(field, offers, origin) {
  const wanted = field.kind === "layer" ? field.words.filter((word) => word.startsWith("esriGeometry")) : [];
  return (offers ?? []).filter((offer) => {
    if (offer.from !== origin || (field.kind === "layer" && !offer.is_layer && !field.takes_text)) return false;
    return !wanted.length || !offer.geometry.length || offer.geometry.every((word) => wanted.includes(word));
  });
}

/** @type {(field: any, context: any) => import("./formcontrols.js").Control} */
export function origins(field, context) {
  const kinds = [...(field.kind === "file" ? [] : ["variable", "sample"]), "url", "file", ...(field.takes_text ? ["text"] : [])];
  const node = make("div", "sw-both");
  const from = select({ ...context, label: say("form.from", { name: context.label }), changed: () => {} }, kinds.map((kind) => [kind, say(FROM[kind])]));
  const pick = select(context, [], "sw-pickone");
  const input = line(context, "sw-wide");
  const send = button(say("form.upload"), "sw-quiet");
  const chooser = /** @type {HTMLInputElement} */ (make("input", "", { type: "file", tabindex: "-1", "aria-hidden": "true" }));
  const told = make("span", "sw-uploaded", { role: "status" });
  chooser.hidden = true;
  if (field.kind === "file" && field.words.length) chooser.accept = field.words.map((word) => `.${word.replace(/^\./, "")}`).join(",");
  send.setAttribute("aria-label", say("form.upload.label", { name: context.label }));
  const isOffered = () => from.value === "variable" || from.value === "sample";
  let chosen = ""; // what is chosen, also where it is not offered (any more)
  const refresh = () => {
    const offers = fitting(field, context.shared.offers, from.value);
    const options = offers.map(({ name, told: text }) => [name, `${name} (${text})`]);
    if (chosen && !offers.some(({ name }) => name === chosen)) options.push([chosen, chosen]);
    fill(pick, [["", offers.length ? say("form.choose") : say("form.choose.none")], ...options]);
    pick.value = chosen;
  };
  const show = () => {
    pick.hidden = !isOffered();
    input.hidden = isOffered();
    send.hidden = from.value !== "file";
    if (isOffered()) refresh();
  };
  from.addEventListener("change", () => {
    chosen = "";
    input.value = "";
    told.textContent = "";
    show();
    context.changed();
  });
  pick.addEventListener("change", () => (chosen = pick.value), { capture: true });
  pick.addEventListener("focus", () => context.model.send({ kind: "offers" }));
  send.addEventListener("click", () => chooser.click());
  const upload = new Upload(context.model, context.shared, (text, path) => {
    told.textContent = text;
    if (!path) return;
    input.value = path;
    context.changed();
  });
  chooser.addEventListener("change", () => {
    if (chooser.files?.[0]) upload.start(chooser.files[0]);
    chooser.value = "";
  });
  node.append(from, pick, input, send, chooser, told);
  show();
  return {
    node,
    get: () => ({ from: from.value, text: isOffered() ? pick.value : input.value }),
    set(entry) {
      from.value = kinds.includes(entry.from) ? entry.from : kinds[0];
      chosen = isOffered() ? entry.text : "";
      input.value = isOffered() ? "" : entry.text;
      show();
    },
    inputs: [pick, input],
    refresh: show,
    close: () => upload.close(),
  };
}
