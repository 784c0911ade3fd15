// @ts-check
// The view of many jobs: only what is in sight is in the page. Reads the model, never writes it; whatever a server
// said goes in as text.
import { make } from "./job.js";
import { COLUMNS, Rows, canCancel, inSight, layOut, list, topOf, words } from "./rows.js";
import { Details, fillRow, keepKeys, makeRow, tick } from "./tablerow.js";

const SPAN = String(COLUMNS.length + 2);
const ROW_PX = 30; // until one was measured
const VIEW_PX = 400;
const SPOKEN_MS = 1000; // a count that changes all the time is said now and then
const BUSY = "The kernel is busy with a cell: this is handled when the cell ends. Interrupt the kernel to stop the cell now.";
const LOST = "Connection to the kernel was lost. The jobs go on at their services; JobTable.recent() shows them again.";

/** Everything around the rows, in reading order. */
function build() {
  const root = make("div", "sw-table", { role: "group", "aria-label": "Jobs" });
  const head = make("div", "sw-head");
  const summary = make("span", "sw-summary", { role: "status", "aria-live": "polite" });
  const tools = make("div", "sw-tools");
  const search = make("input", "sw-field", { type: "search", placeholder: "Search", "aria-label": "Search jobs" });
  const word = make("select", "sw-field", { "aria-label": "Status" });
  const grouped = make("input", "", { type: "checkbox" });
  const label = make("label", "sw-label");
  const cancel = make("button", "sw-button", { type: "button" });
  const cancelAll = make("button", "sw-button", { type: "button" });
  const sure = make("span", "sw-sure", { role: "group", "aria-label": "Are you sure?" });
  const yes = make("button", "sw-button", { type: "button" });
  const no = make("button", "sw-button", { type: "button" }, "No");
  const note = make("div", "sw-note", { role: "alert" });
  const scroller = make("div", "sw-scroller");
  const table = make("table", "", { "aria-label": "Jobs" });
  const columns = make("colgroup");
  const thead = make("thead");
  const body = make("tbody");
  const top = make("tr", "", { "aria-rowindex": "1" });
  const all = make("input", "sw-check", { type: "checkbox", "aria-label": "Select all jobs listed" });
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
  top.append(make("th", "sw-acts", { scope: "col" }, "Actions"));
  for (const name of ["pick", ...sorters.keys(), "acts"]) columns.append(make("col", `sw-col-${name}`));
  const empty = make("div", "sw-empty");
  thead.append(top);
  table.append(columns, thead, body);
  scroller.append(table, empty);
  label.append(grouped, document.createTextNode(" Group by status"));
  sure.append(yes, no);
  head.append(summary);
  tools.append(search, word, label, make("span", "sw-gap"), cancel, cancelAll, sure);
  root.append(head, tools, note, scroller);
  keepKeys(root);
  return { root, summary, search, word, grouped, cancel, cancelAll, sure, yes, no, note, scroller, table, body, all, sorters, empty };
}


const digits = (n) => n.toLocaleString("en-US");

/** One view: how it lists the rows of its model, and what of that is in the page. */
class View {
  constructor(model, el, shared) {
    Object.assign(this, { model, shared, ui: build(), frame: 0, height: ROW_PX, nodes: new Map(), items: [], stale: true });
    // An output that is drawn anew goes on where its reader was.
    const { selected, open, ...how } = shared.state;
    this.state = { ...how, selected: new Set(selected), open: new Set(open) };
    Object.assign(this, { outcome: "", hint: "", ack: 0, awaited: 0, pending: null, spoken: 0, speaking: 0 });
    this.redraw = () => (this.frame ||= requestAnimationFrame(() => this.draw()));
    this.details = new Details(model, SPAN, this.redraw);
    this.sizes = new ResizeObserver(this.redraw);
    this.sizes.observe(this.ui.scroller);
    this.ticking = setInterval(() => this.tick(), 200);
    el.append(this.ui.root);
    this.listen();
    const { text, grouped } = this.state;
    this.ui.search.value = text;
    this.ui.grouped.checked = grouped;
    this.changed();
  }

  close() {
    clearInterval(this.ticking);
    clearTimeout(this.ack);
    clearTimeout(this.speaking);
    cancelAnimationFrame(this.frame);
    this.frame = -1; // nothing is drawn any more
    this.sizes.disconnect();
    this.details.closeAll();
    this.ui.root.remove();
  }

  get now() {
    return Date.now() / 1000 - this.shared.skew;
  }

  get rows() {
    return this.shared.rows.byKey;
  }

  // ---------------------------------------------------------------- what is listed

  /** Rows or the way they are listed changed. */
  changed() {
    this.stale = true;
    this.shared.state = this.state;
    this.redraw();
  }

  take(message) {
    if (message.heard > this.awaited) this.answered();
    if (message.outcome) this.outcome = message.outcome;
    this.changed();
  }

  draw() {
    this.frame = 0;
    if (this.stale) this.arrange();
    this.stale = false;
    const { scroller } = this.ui;
    const focused = this.ui.root.contains(document.activeElement) ? document.activeElement : null;
    const focusRow = focused?.closest(".sw-row");
    const places = new Map();
    this.items.forEach((item, index) => item.row && places.set(item.row.key, index));
    for (const key of this.state.open) if (!this.rows.has(key)) this.shut(key);
    const open = [...this.state.open].filter((key) => places.has(key)).map((key) => places.get(key)).sort((a, b) => a - b);
    const extras = open.map((index) => [index, this.details.height(this.items[index].row.key)]);
    const kept = focusRow ? [...open, places.get(Number(focusRow.dataset.key)) ?? -1] : open;
    const header = this.ui.table.tHead.offsetHeight;
    scroller.style.setProperty("--sw-view", `${scroller.clientWidth}px`);
    const sight = { count: this.items.length, height: this.height, extras, top: scroller.scrollTop, view: (scroller.clientHeight || VIEW_PX) - header };
    if (!places.has(this.state.current)) this.state.current = this.items.find((item) => item.row)?.row.key;
    const parts = layOut(this.items.length, inSight(sight), kept, this.height, extras);
    this.place(parts.flatMap((part) => ("gap" in part ? [this.gap(part.gap)] : this.run(part))));
    // A row that moves in the page loses the focus on its way.
    if (focused && focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
    this.measure();
    this.tick();
  }

  arrange() {
    this.items = list(this.rows.values(), this.state, this.now);
    const keys = new Set(this.rows.keys());
    for (const key of this.state.selected) if (!keys.has(key)) this.state.selected.delete(key);
    this.drawTools();
    this.drawNote();
    this.say();
    const { empty, table } = this.ui;
    const none = this.shared.live ? "" : "The jobs of this table are not in this page, and there is no kernel to ask.";
    empty.textContent = this.items.length ? "" : this.rows.size ? "No job matches. Clear the search, or choose another status." : this.shared.came ? "" : none;
    table.setAttribute("aria-rowcount", String(this.items.length + 1));
    for (const [name, th] of this.ui.sorters) {
      const sorted = name === this.state.column;
      if (sorted) th.setAttribute("aria-sort", this.state.direction > 0 ? "ascending" : "descending");
      else th.removeAttribute("aria-sort");
    }
  }

  // ---------------------------------------------------------------- the rows in the page

  gap(height) {
    const row = make("tr", "sw-gap-row", { "aria-hidden": "true" });
    const cell = make("td", "", { colspan: SPAN });
    cell.style.height = `${height}px`;
    row.append(cell);
    return row;
  }

  /** The elements of items `from` to `to`. */
  run({ from, to }) {
    const found = [];
    for (let index = from; index < to; index++) {
      const item = this.items[index];
      if (!item.row) {
        const head = make("tr", "sw-group", { "aria-rowindex": String(index + 2) });
        const cell = make("th", "", { colspan: SPAN, scope: "colgroup" });
        cell.append(make("span", "", {}, `${item.label} (${digits(item.count)})`));
        head.append(cell);
        found.push(head);
        continue;
      }
      const { key } = item.row;
      const node = this.nodes.get(key) ?? makeRow();
      this.nodes.set(key, node);
      fillRow(node, item.row, this.shared.live);
      const isOpen = this.state.open.has(key);
      node.setAttribute("aria-rowindex", String(index + 2));
      node.sw.pick.checked = this.state.selected.has(key);
      node.sw.open.setAttribute("aria-expanded", String(isOpen));
      node.sw.open.textContent = isOpen ? "▾" : "▸";
      // One row is on the way of the Tab key; arrow keys go to the others.
      for (const control of node.querySelectorAll("[data-part]")) control.tabIndex = key === this.state.current ? 0 : -1;
      found.push(node);
      if (isOpen) found.push(this.details.of(item.row));
    }
    return found;
  }

  /** Bring the table's body to these elements, touching only what differs. */
  place(wanted) {
    const { body } = this.ui;
    const set = new Set(wanted);
    for (const node of [...body.children]) if (!set.has(node)) node.remove();
    wanted.forEach((node, index) => {
      if (body.children[index] !== node) body.insertBefore(node, body.children[index] ?? null);
    });
    for (const [key, node] of this.nodes) if (!set.has(node)) this.nodes.delete(key);
  }

  measure() {
    const [node] = this.nodes.values();
    const height = node?.getBoundingClientRect().height;
    if (height && Math.abs(height - this.height) > 0.5) {
      this.height = height;
      this.redraw();
    }
  }

  tick() {
    if (this.shared.live) for (const node of this.nodes.values()) tick(node, this.now);
  }

  // ---------------------------------------------------------------- what stands above the rows

  drawTools() {
    const { ui, state } = this;
    const options = words(this.rows.values()).map(({ word, label, count }) => [word, `${label} (${digits(count)})`]);
    options.unshift(["", `All statuses (${digits(this.rows.size)})`]);
    if (state.word && !options.some(([w]) => w === state.word)) options.push([state.word, `${state.word} (0)`]);
    const shown = [...ui.word.options];
    options.forEach(([value, text], index) => {
      const option = shown[index] ?? ui.word.appendChild(make("option", ""));
      if (option.value !== value || !option.textContent) option.value = value;
      if (option.textContent !== text) option.textContent = text;
    });
    for (const option of shown.slice(options.length)) option.remove();
    ui.word.value = state.word;
    const chosen = [...state.selected].filter((key) => canCancel(this.rows.get(key)));
    const running = [...this.rows.values()].filter(canCancel);
    ui.cancel.hidden = state.selected.size === 0 || this.pending !== null;
    ui.cancel.textContent = `Cancel selected (${digits(chosen.length)})`;
    ui.cancel.disabled = !chosen.length || !this.shared.live;
    ui.cancelAll.hidden = !running.length || this.pending !== null;
    ui.cancelAll.textContent = `Cancel all running (${digits(running.length)})`;
    ui.cancelAll.disabled = !this.shared.live;
    ui.sure.hidden = this.pending === null;
    const listed = this.items.filter((item) => item.row);
    const picked = listed.filter((item) => state.selected.has(item.row.key)).length;
    ui.all.checked = picked > 0 && picked === listed.length;
    ui.all.indeterminate = picked > 0 && picked < listed.length;
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
    const parts = words(this.rows.values()).map(({ word, count }) => `${digits(count)} ${word}`);
    const none = this.shared.came ? "No jobs yet: table.add(job) shows one here." : "";
    const text = parts.join(", ") || none;
    if (this.ui.summary.textContent === text) return;
    this.ui.summary.textContent = text;
    this.spoken = Date.now();
  }

  drawNote() {
    const cold = !this.shared.live && [...this.rows.values()].some(canCancel);
    const text = [this.outcome, this.hint, cold ? LOST : ""].filter(Boolean).join("\n");
    if (this.ui.note.textContent !== text) this.ui.note.textContent = text;
    this.ui.root.dataset.connection = cold ? "lost" : "";
  }

  // ---------------------------------------------------------------- what a reader does

  listen() {
    const { ui, state } = this;
    const on = (node, event, listener) => node.addEventListener(event, listener);
    on(ui.scroller, "scroll", this.redraw);
    on(ui.search, "input", () => this.set({ text: ui.search.value.trim() }));
    on(ui.word, "change", () => this.set({ word: ui.word.value }));
    on(ui.grouped, "change", () => this.set({ grouped: ui.grouped.checked }));
    on(ui.table.tHead, "click", (event) => this.sort(event.target.closest("[data-sort]")?.dataset.sort));
    on(ui.all, "change", () => {
      for (const { row } of this.items) if (row) ui.all.checked ? state.selected.add(row.key) : state.selected.delete(row.key);
      this.changed();
    });
    on(ui.cancel, "click", () => {
      const keys = [...state.selected].filter((key) => canCancel(this.rows.get(key)));
      this.ask(keys.length, () => this.command("cancel", keys));
    });
    on(ui.cancelAll, "click", () => this.ask([...this.rows.values()].filter(canCancel).length, () => this.command("cancel")));
    on(ui.yes, "click", () => this.decide(this.pending));
    on(ui.no, "click", () => this.decide(null));
    on(ui.body, "click", (event) => this.click(event));
    on(ui.body, "focusin", (event) => this.focus(event.target.closest(".sw-row")));
    on(ui.body, "keydown", (event) => this.key(event));
  }

  set(how) {
    Object.assign(this.state, how);
    this.ui.scroller.scrollTop = 0;
    this.changed();
  }

  /** Sort by a column: up, down, and then as the jobs came. */
  sort(column) {
    if (!column) return;
    const again = column === this.state.column;
    this.set(again && this.state.direction < 0 ? { column: "", direction: 1 } : { column, direction: again ? -1 : 1 });
  }

  /** Cancel of several is asked back: there is no way to undo it. */
  ask(number, act) {
    if (number <= 1) return act();
    this.pending = act;
    this.ui.yes.textContent = `Yes, cancel ${digits(number)} jobs`;
    this.drawTools();
    this.ui.no.focus();
  }

  decide(act) {
    this.pending = null;
    this.drawTools();
    act?.();
    this.ui.search.focus({ preventScroll: true });
  }

  click(event) {
    const node = event.target.closest(".sw-row");
    const part = event.target.closest("[data-part]")?.dataset.part;
    if (!node || !part) return;
    const key = Number(node.dataset.key);
    const { selected, open } = this.state;
    if (part === "pick") event.target.checked ? selected.add(key) : selected.delete(key);
    else if (part === "copy") this.copy(node);
    else if (part !== "open") this.command(part, [key]);
    else if (open.has(key)) this.shut(key);
    else {
      open.add(key);
      if (!this.rows.get(key).widget) this.command("open", [key]);
    }
    this.changed();
  }

  shut(key) {
    this.state.open.delete(key);
    this.details.close(key);
  }

  async copy(node) {
    const { url } = this.rows.get(Number(node.dataset.key));
    try {
      await navigator.clipboard.writeText(url);
      node.sw.copy.textContent = "✓";
      setTimeout(() => (node.sw.copy.textContent = "URL"), 1500);
    } catch {
      this.hint = `Job URL: ${url}`; // no clipboard here: show it, to be selected by hand
      this.drawNote();
    }
  }

  focus(node) {
    if (!node || Number(node.dataset.key) === this.state.current) return;
    this.state.current = Number(node.dataset.key);
    this.redraw();
  }

  /** Arrow keys go from row to row, Home and End to the first and the last. */
  key(event) {
    const node = event.target.closest(".sw-row");
    const { key, altKey, ctrlKey, metaKey, shiftKey } = event;
    if (!node || altKey || ctrlKey || metaKey || shiftKey) return;
    const at = this.items.findIndex((item) => item.row?.key === Number(node.dataset.key));
    const page = Math.max(1, Math.floor(this.ui.scroller.clientHeight / this.height) - 2);
    const steps = { ArrowUp: -1, ArrowDown: 1, PageUp: -page, PageDown: page, Home: -this.items.length, End: this.items.length };
    if (at < 0 || !(key in steps)) return;
    event.preventDefault();
    const way = Math.sign(steps[key]);
    let to = Math.max(0, Math.min(this.items.length - 1, at + steps[key]));
    while (this.items[to] && !this.items[to].row) to += to === 0 ? 1 : way; // heads of groups are passed over
    if (this.items[to]) this.goTo(to, event.target.closest("[data-part]")?.dataset.part);
  }

  /** Bring an item into sight and focus a control of it. */
  goTo(index, part) {
    const { scroller, table } = this.ui;
    const extras = [];
    this.items.forEach(({ row }, at) => row && this.state.open.has(row.key) && extras.push([at, this.details.height(row.key)]));
    const top = topOf(index, this.height, extras);
    const room = scroller.clientHeight - table.tHead.offsetHeight;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + this.height > scroller.scrollTop + room) scroller.scrollTop = top + this.height - room;
    const { key } = this.items[index].row;
    this.state.current = key;
    this.draw();
    const { sw } = this.nodes.get(key);
    const control = sw[part]?.hidden === false && !sw[part].disabled ? sw[part] : sw.pick;
    control.focus({ preventScroll: true });
  }

  // ---------------------------------------------------------------- commands to the kernel

  command(kind, keys) {
    this.outcome = this.hint = "";
    this.awaited = this.shared.heard;
    clearTimeout(this.ack);
    this.ack = setTimeout(() => {
      this.hint = BUSY;
      this.drawNote();
    }, 1500);
    this.drawNote();
    this.model.send(keys ? { kind, keys } : { kind });
  }

  answered() {
    clearTimeout(this.ack);
    if (this.hint === BUSY) this.hint = "";
  }
}

const AGAIN_MS = 5000; // an answer may be lost as well

// A factory: what it closes over is shared by the views of one model, and by nothing else.
export default () => {
  const state = { text: "", word: "", column: "", direction: 1, grouped: false, selected: new Set(), open: new Set() };
  const shared = { rows: new Rows([], () => {}), views: new Set(), live: true, came: false, skew: 0, heard: 0, state };
  return {
    initialize({ model }) {
      let timer = 0;
      const ask = () => {
        model.send({ kind: "hello" });
        clearTimeout(timer);
        timer = setTimeout(() => shared.live && shared.rows.asked && ask(), AGAIN_MS);
      };
      shared.rows = new Rows(model.get("saved_rows"), ask);
      const onCustom = (message) => {
        if (message.kind !== "rows") return;
        shared.skew = Date.now() / 1000 - message.now;
        shared.heard = message.heard;
        shared.came ||= message.all;
        shared.rows.take(message);
        shared.views.forEach((view) => view.take(message));
      };
      const onLive = () => {
        shared.live = false;
        shared.views.forEach((view) => view.changed());
      };
      model.on("msg:custom", onCustom);
      model.on("comm_live_update", onLive);
      shared.rows.want();
      return () => {
        clearTimeout(timer);
        model.off("msg:custom", onCustom);
        model.off("comm_live_update", onLive);
      };
    },
    render({ model, el }) {
      const view = new View(model, el, shared);
      shared.views.add(view);
      return () => {
        shared.views.delete(view);
        view.close();
      };
    },
  };
};
