// @ts-check
// One view of a form. Reads the model, never writes it; whatever a server said goes in as text.
import { copyButton } from "./copy.js";
import { button, make, put, summary } from "./dom.js";
import { Entry, told } from "./formentry.js";
import { say } from "./phrases.js";

const BUSY_MS = 1500; // a kernel that is free has answered by then

export class FormView {
  constructor(model, el, shared) {
    Object.assign(this, { model, shared, busy: 0, hint: "", tries: model.get("tries"), isSent: false, mounted: "", listeners: [] });
    const mark = Math.random().toString(36).slice(2); // of this view, in a page with many
    this.root = make("div", "sw-form", { role: "group", "aria-label": say("form.label", { task: model.get("title") }) });
    this.form = make("form", "", { novalidate: "" });
    this.entries = (shared.fields ?? model.get("fields")).map((field, at) => new Entry(field, this, `sw-${mark}-${at}`));
    this.note = make("div", "sw-note", { role: "alert" });
    this.submit = make("button", "sw-button sw-main", { type: "submit" }, say("form.submit"));
    this.reset = button(say("form.reset"), "sw-quiet");
    this.code = make("pre", "sw-program", { tabindex: "0", "aria-label": say("form.code") });
    this.job = make("div", "sw-below", { role: "group", "aria-label": say("form.job") });
    this.build();
    el.append(this.root);
    this.listen();
    this.takeEntries();
    this.draw();
    this.mount();
  }

  build() {
    const { model, root, form } = this;
    const head = make("div", "sw-head");
    head.append(make("span", "sw-title", {}, model.get("title")));
    if (model.get("docs")) head.append(make("a", "sw-docs", { href: model.get("docs"), target: "_blank", rel: "noopener noreferrer" }, say("form.docs")));
    const about = told("sw-about", model.get("about"), say("form.help", { name: model.get("title") }));
    const groups = new Map();
    for (const entry of this.entries) {
      const name = entry.field.group;
      if (!groups.has(name)) {
        const box = make(name ? "fieldset" : "div", "sw-group");
        if (name) box.append(make("legend", "", {}, name));
        groups.set(name, box);
      }
      groups.get(name).append(entry.node);
    }
    if (!this.entries.length) form.append(make("div", "", {}, say("form.fields.none")));
    const isCut = model.get("fields_cut") && !this.shared.fields;
    if (isCut) groups.set(null, make("div", "sw-rest", {}, say("form.fields.cut")));
    const acts = make("div", "sw-actions");
    const copy = copyButton({ say: (text) => this.say(text) }, say("form.copy"), () => this.program(), (text) => text);
    const look = make("details", "sw-code");
    look.append(summary(say("form.code")), this.code);
    acts.append(this.submit, this.reset, copy);
    form.append(...groups.values(), this.note, acts);
    root.append(head, about, form, look, this.job);
  }

  listen() {
    const on = (event, listener) => {
      this.model.on(event, listener);
      this.listeners.push([event, listener]);
    };
    for (const name of ["told", "problem", "is_busy", "tries", "call", "can_submit"]) on(`change:${name}`, () => this.draw());
    on("change:entries", () => this.takeEntries());
    on("change:columns", () => this.entries.forEach((entry) => entry.field.columns && entry.control.refresh?.()));
    on("change:job_widget", () => this.mount());
    this.onMessage = (message) => message.kind === "offers" && this.entries.forEach((entry) => entry.control.refresh?.());
    this.shared.listeners.add(this.onMessage);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.send();
    });
    this.reset.addEventListener("click", () => {
      this.startAgain();
      this.model.send({ kind: "reset" });
    });
    // Jupyter looks at what has the focus before it looks around it, and before the key gets here.
    this.root.addEventListener("focusin", ({ target }) => /** @type {Element} */ (target).setAttribute("data-lm-suppress-shortcuts", "true"));
    this.root.addEventListener("keydown", (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
    });
  }

  // ---------------------------------------------------------------- to the kernel

  /** A reader has entered something. @param {any} entry */
  changed(entry) {
    entry.begin();
    const value = entry.control.get();
    entry.awaited = JSON.stringify(value);
    this.model.send({ kind: "edit", name: entry.field.name, entry: value });
  }

  send() {
    if (!this.shared.live || this.submit.disabled) return;
    const entries = Object.fromEntries(this.entries.filter((entry) => entry.isTouched).map((entry) => [entry.field.name, entry.control.get()]));
    this.submit.disabled = true;
    this.submit.textContent = say("form.submit.sent");
    this.isSent = true;
    clearTimeout(this.busy);
    this.busy = setTimeout(() => this.say(say("job.busy", { what: say("form.submit.what") })), BUSY_MS);
    this.model.send({ kind: "submit", entries });
  }

  /** The call as Python; of a long one the page has only the beginning. */
  program() {
    const { model, shared } = this;
    if (!model.get("call_cut") || !shared.live) return model.get("call");
    return new Promise((done) => {
      const take = (text) => {
        shared.listeners.delete(onMessage);
        clearTimeout(late);
        done(text);
      };
      const onMessage = (message) => message.kind === "code" && take(message.text);
      const late = setTimeout(() => take(model.get("call")), BUSY_MS);
      shared.listeners.add(onMessage);
      model.send({ kind: "code" });
    });
  }

  // ---------------------------------------------------------------- from the kernel

  /** What was entered elsewhere, or before this view was there. */
  takeEntries() {
    const entries = this.model.get("entries");
    if (!Object.keys(entries).length && this.entries.every((entry) => !entry.awaited)) this.startAgain();
    for (const entry of this.entries) {
      if (!Object.hasOwn(entries, entry.field.name)) continue;
      const told = entries[entry.field.name];
      if (told === null) {
        entry.awaited = ""; // too large to be told again: it stands where it was entered
        entry.isTouched = true;
        continue;
      }
      const text = JSON.stringify(told);
      if (entry.awaited && entry.awaited !== text) continue; // what is on its way is newer
      entry.awaited = "";
      entry.isTouched = true;
      if (text !== JSON.stringify(entry.control.get()) && !entry.holdsFocus && !hasSecret(entry.field)) entry.set(told);
    }
  }

  startAgain() {
    for (const entry of this.entries) {
      if (!entry.isTouched) continue;
      entry.isTouched = false;
      entry.awaited = "";
      entry.set(entry.field.start);
    }
  }

  /** Columns of the layer that a field depends on: of the one it names, or of all that are chosen. @param {any} field */
  columns(field) {
    const all = this.model.get("columns");
    if (Object.hasOwn(all, field.depends)) return all[field.depends];
    return field.depends ? [] : Object.values(all).flat();
  }

  say(text) {
    this.hint = text;
    this.draw();
  }

  draw() {
    const { model, shared } = this;
    const told = model.get("told");
    for (const entry of this.entries) entry.tell(Object.hasOwn(told, entry.field.name) ? told[entry.field.name] : "");
    const isBusy = model.get("is_busy");
    const isAnswered = model.get("tries") !== this.tries;
    if (isBusy || isAnswered) {
      clearTimeout(this.busy);
      this.hint = "";
    }
    if (isAnswered) {
      if (this.isSent) this.entries.find((entry) => Object.hasOwn(told, entry.field.name))?.focus();
      this.isSent = false;
      this.tries = model.get("tries");
    }
    const cold = shared.live ? "" : say("form.cold");
    put(this.note, [model.get("problem"), this.hint, cold].filter(Boolean).join("\n"));
    this.submit.disabled = isBusy || this.isSent || !shared.live || !model.get("can_submit");
    this.submit.textContent = say(isBusy || this.isSent ? "form.submit.sent" : "form.submit");
    put(this.code, model.get("call"));
  }

  /** Show the widget of the job that was submitted last. */
  async mount() {
    const widget = this.model.get("job_widget");
    if (widget === this.mounted) return;
    this.mounted = widget;
    try {
      const manager = this.model.widget_manager;
      const view = await manager.create_view(await manager.get_model(widget), {});
      if (this.mounted !== widget) return view.remove();
      this.below?.remove();
      this.below = view;
      this.job.replaceChildren(view.el);
    } catch {
      this.job.textContent = say("form.job.elsewhere", { url: JSON.stringify(this.model.get("job_url")) });
    }
  }

  close() {
    clearTimeout(this.busy);
    this.mounted = "";
    this.below?.remove();
    this.shared.listeners.delete(this.onMessage);
    for (const [event, listener] of this.listeners) this.model.off(event, listener);
    this.entries.forEach((entry) => entry.control.close?.());
    this.root.remove();
  }
}

function hasSecret(field) {
  return field.kind === "hidden" || field.parts.some(hasSecret);
}
