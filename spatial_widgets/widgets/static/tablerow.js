// @ts-check
// One row of a table of jobs, as elements: made once, then filled again and again; and what opens below it.
import { make } from "./dom.js";
import { say } from "./phrases.js";
import { age, canCancel, hold } from "./rows.js";
import { badge, elapsed } from "./status.js";

const CONTROLS = ["cancel", "retry", "copy"];

/** Keep the keys of these controls from Jupyter, which in command mode takes arrows and Enter for itself. */
export function keepKeys(root) {
  // On each of them: Jupyter looks at what has the focus before it looks around it.
  for (const control of root.querySelectorAll("button, input, select")) control.setAttribute("data-lm-suppress-shortcuts", "true");
}

/** Everything a row is made of. `node.sw` holds its parts, and the row that was drawn last. */
export function makeRow() {
  const node = /** @type {any} */ (make("tr", "sw-row"));
  const pick = make("input", "sw-check", { type: "checkbox", "data-part": "pick" });
  const open = make("button", "sw-button sw-quiet sw-open", { type: "button", "data-part": "open", "aria-expanded": "false" }, "▸");
  const pill = make("span", "sw-badge");
  const hold = make("span", "sw-hold");
  const bar = make("div", "sw-bar", { role: "progressbar", "aria-label": say("table.column.progress"), "aria-valuemin": "0", "aria-valuemax": "100" });
  const fill = make("div", "sw-fill");
  const percent = make("span", "sw-percent", { "aria-hidden": "true" });
  const parts = { pick, open, pill, hold, bar, fill, percent, task: make("th", "sw-task", { scope: "row" }) };
  const cell = (name, ...children) => {
    const td = make("td", name);
    td.append(...children);
    return td;
  };
  bar.append(fill);
  const last = cell("sw-last");
  const clock = cell("sw-clock");
  const id = cell("sw-jobid");
  const acts = cell("sw-acts");
  for (const part of CONTROLS) {
    parts[part] = make("button", "sw-button sw-quiet", { type: "button", "data-part": part }, say(`table.${part}`));
    acts.append(parts[part]);
  }
  node.append(cell("sw-pick", pick, open), parts.task, cell("sw-state", pill, hold), cell("sw-progress", bar, percent), clock, last, id, acts);
  keepKeys(node);
  node.sw = { ...parts, last, clock, id, drawn: null };
  return node;
}

const put = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

/** Show a row. @param {any} node @param {any} row @param {boolean} live whether there is a kernel to send commands to */
export function fillRow(node, row, live) {
  const { sw } = node;
  if (sw.drawn === row && sw.live === live) return;
  const { text, tone } = badge(row.status);
  const percent = row.progress === null ? "" : say("table.percent", { n: Math.round(row.progress) });
  const job = say("table.job", row);
  Object.assign(node.dataset, { key: row.key, jobStatus: row.status, tone, connection: row.hold ? "lost" : "" });
  put(sw.task, row.task);
  put(sw.pill, text);
  put(sw.hold, hold(row));
  sw.bar.hidden = row.progress === null;
  sw.bar.setAttribute("aria-valuenow", String(Math.round(row.progress ?? 0)));
  sw.fill.style.width = `${row.progress ?? 0}%`;
  put(sw.percent, percent);
  put(sw.last, row.note || row.message);
  sw.last.title = row.note || row.message;
  sw.last.classList.toggle("sw-warned", row.note !== "");
  put(sw.id, row.id);
  sw.id.title = row.id;
  sw.task.title = row.task;
  sw.pick.setAttribute("aria-label", say("table.select", { job }));
  sw.open.setAttribute("aria-label", say("table.details", { job }));
  for (const part of CONTROLS) {
    sw[part].title = say(`table.${part}.label`, { job });
    sw[part].setAttribute("aria-label", sw[part].title);
  }
  sw.cancel.hidden = !canCancel(row);
  sw.cancel.disabled = !live;
  sw.retry.hidden = !row.retry;
  sw.retry.disabled = !live;
  sw.open.disabled = !live && !row.widget;
  sw.drawn = row;
  sw.live = live;
}

/** Show how long a row's job takes. @param {any} node @param {number} now seconds, by the kernel's clock */
export function tick(node, now) {
  const seconds = node.sw.drawn && age(node.sw.drawn, now);
  put(node.sw.clock, seconds === null ? "" : elapsed(seconds));
}

const OPENED_PX = 220; // until it was measured

/** The opened rows of a view: below each the job's own widget, made by the kernel when it was asked for. */
export class Details {
  /** @param {any} model @param {string} span columns @param {() => void} redraw called when one changes its height */
  constructor(model, span, redraw) {
    Object.assign(this, { model, span, boxes: new Map(), sizes: new ResizeObserver(redraw) });
  }

  /** The table row below a row. */
  of(row) {
    let box = this.boxes.get(row.key);
    if (!box) {
      const node = make("tr", "sw-detail");
      const cell = make("td", "", { colspan: this.span });
      const inner = make("div", "sw-opened", {}, say("table.opening"));
      cell.append(inner);
      node.append(cell);
      box = { node, inner, widget: "", view: null };
      this.boxes.set(row.key, box);
      this.sizes.observe(inner);
    }
    if (row.widget && box.widget !== row.widget) this.fill(row.key, box, row.widget);
    return box.node;
  }

  async fill(key, box, widget) {
    box.widget = widget;
    try {
      const manager = this.model.widget_manager;
      const view = await manager.create_view(await manager.get_model(widget), {});
      if (this.boxes.get(key) !== box || box.widget !== widget) return view.remove();
      box.view?.remove();
      box.view = view;
      box.inner.replaceChildren(view.el);
    } catch {
      box.inner.textContent = say("table.cannot_open");
    }
  }

  /** How high it is. @param {number} key */
  height(key) {
    const height = this.boxes.get(key)?.node.getBoundingClientRect().height;
    return height || OPENED_PX;
  }

  close(key) {
    const box = this.boxes.get(key);
    if (!box) return;
    this.boxes.delete(key);
    this.sizes.unobserve(box.inner);
    box.view?.remove();
    box.node.remove();
  }

  closeAll() {
    for (const key of [...this.boxes.keys()]) this.close(key);
    this.sizes.disconnect();
  }
}
