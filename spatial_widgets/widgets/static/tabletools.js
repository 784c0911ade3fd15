// @ts-check
// What stands above the rows of a table of jobs: numbers, what to see, what to cancel, and what became of that.
import { make, put } from "./dom.js";
import { canCancel, words } from "./rows.js";
import { digits, say } from "./phrases.js";

const SPOKEN_MS = 1000; // a count that changes all the time is said now and then

/** The tools of one view. */
export class Tools {
  /** @param {any} view see tableview.js */
  constructor(view) {
    this.view = view;
    this.spoken = 0; // when the numbers were said last
    this.speaking = 0;
  }

  close() {
    clearTimeout(this.speaking);
  }

  draw() {
    const { ui, state, rows, items, pending, shared } = this.view;
    this.drawStatuses();
    const chosen = [...state.selected].filter((key) => canCancel(rows.get(key)));
    const running = [...rows.values()].filter(canCancel);
    ui.cancel.hidden = state.selected.size === 0 || pending !== null;
    ui.cancel.textContent = say("table.cancel.selected", { n: digits(chosen.length) });
    ui.cancel.disabled = !chosen.length || !shared.live;
    ui.cancelAll.hidden = !running.length || pending !== null;
    ui.cancelAll.textContent = say("table.cancel.all", { n: digits(running.length) });
    ui.cancelAll.disabled = !shared.live;
    ui.sure.hidden = pending === null;
    const listed = items.filter((item) => item.row);
    const picked = listed.filter((item) => state.selected.has(item.row.key)).length;
    ui.all.checked = picked > 0 && picked === listed.length;
    ui.all.indeterminate = picked > 0 && picked < listed.length;
  }

  /** The choice of a status, which may be open: what stays is left alone. */
  drawStatuses() {
    const { ui, state, rows } = this.view;
    const options = words(rows.values()).map(({ word, label, count }) => [word, say("table.status.one", { label, n: digits(count) })]);
    options.unshift(["", say("table.status.all", { n: digits(rows.size) })]);
    if (state.word && !options.some(([word]) => word === state.word)) options.push([state.word, say("table.status.one", { label: state.word, n: 0 })]);
    const shown = [...ui.word.options];
    options.forEach(([value, text], index) => {
      const option = shown[index] ?? ui.word.appendChild(make("option", ""));
      if (option.value !== value || !option.textContent) option.value = value;
      put(option, text);
    });
    for (const option of shown.slice(options.length)) option.remove();
    ui.word.value = state.word;
  }

  /** The numbers, now and then: they are read aloud. */
  say() {
    const wait = this.spoken + SPOKEN_MS - Date.now();
    if (wait > 0) {
      this.speaking ||= setTimeout(() => this.say(), wait);
      return;
    }
    clearTimeout(this.speaking);
    this.speaking = 0;
    const { ui, rows, shared } = this.view;
    const parts = words(rows.values()).map(({ word, count }) => `${digits(count)} ${word}`);
    const text = parts.join(", ") || (shared.came ? say("table.none") : "");
    if (ui.summary.textContent === text) return;
    ui.summary.textContent = text;
    this.spoken = Date.now();
  }

  drawNote() {
    const { ui, rows, shared, model, hint } = this.view;
    const cold = !shared.live && [...rows.values()].some(canCancel);
    const rest = shared.came ? 0 : model.get("saved_total") - rows.size;
    const left = rest > 0 ? say("table.left_out", { n: digits(rest) }) : "";
    put(ui.note, [shared.outcome, hint, cold ? say("table.cold") : "", left].filter(Boolean).join("\n"));
    ui.root.dataset.connection = cold ? "lost" : "";
  }
}
