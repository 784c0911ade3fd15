// @ts-check
// One view of many jobs: only what is in sight is in the page. Reads the model, never writes it; whatever a server
// said goes in as text.
import { canCancel, inSight, layOut, list, topOf } from "./rows.js";
import { Body } from "./tablebody.js";
import { build } from "./tableparts.js";
import { Tools } from "./tabletools.js";
import { count, say } from "./phrases.js";

const VIEW_PX = 400; // until it was measured
const BUSY = say("table.busy");

/** One view: how it lists the rows of its model, and what of that is in the page. */
export class View {
  constructor(model, el, shared) {
    Object.assign(this, { model, shared, ui: build(), frame: 0, items: [], stale: true });
    // An output that is drawn anew goes on where its reader was.
    const { selected, open, ...how } = shared.state;
    this.state = { ...how, selected: new Set(selected), open: new Set(open) };
    Object.assign(this, { hint: "", ack: 0, awaited: 0, pending: null });
    this.redraw = () => (this.frame ||= requestAnimationFrame(() => this.draw()));
    this.body = new Body(this.ui.body, model, this.redraw);
    this.tools = new Tools(this);
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
    this.tools.close();
    cancelAnimationFrame(this.frame);
    this.frame = -1; // nothing is drawn any more
    this.sizes.disconnect();
    this.body.details.closeAll();
    this.ui.root.remove();
  }

  get now() {
    return Date.now() / 1000 - this.shared.skew;
  }

  /** What has the focus; in a shadow root the page itself knows only its host. */
  get active() {
    const root = /** @type {Document | ShadowRoot} */ (this.ui.root.getRootNode());
    return root.activeElement ?? null;
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
    this.changed();
  }

  draw() {
    this.frame = 0;
    if (this.stale) this.arrange();
    this.stale = false;
    const { scroller } = this.ui;
    const active = this.active;
    const focused = this.ui.root.contains(active) ? active : null;
    const focusRow = focused?.closest(".sw-row");
    const places = new Map();
    this.items.forEach((item, index) => item.row && places.set(item.row.key, index));
    for (const key of this.state.open) if (!this.rows.has(key)) this.shut(key);
    const open = [...this.state.open].filter((key) => places.has(key)).map((key) => places.get(key)).sort((a, b) => a - b);
    const extras = open.map((index) => [index, this.body.details.height(this.items[index].row.key)]);
    const kept = focusRow ? [...open, places.get(Number(focusRow.dataset.key)) ?? -1] : open;
    const header = this.ui.table.tHead.offsetHeight;
    scroller.style.setProperty("--sw-view", `${scroller.clientWidth}px`);
    const sight = { count: this.items.length, height: this.body.height, extras, top: scroller.scrollTop, view: (scroller.clientHeight || VIEW_PX) - header };
    if (!places.has(this.state.current)) this.state.current = this.items.find((item) => item.row)?.row.key;
    const parts = layOut(this.items.length, inSight(sight), kept, this.body.height, extras);
    this.body.place(parts, this.items, this.state, this.shared.live);
    // A row that moves in the page loses the focus on its way.
    if (focused && focused !== this.active && focused.isConnected) focused.focus({ preventScroll: true });
    if (this.body.measure()) this.redraw();
    this.tick();
  }

  tick() {
    if (this.shared.live) this.body.tick(this.now);
  }

  arrange() {
    this.items = list(this.rows.values(), this.state, this.now);
    const keys = new Set(this.rows.keys());
    for (const key of this.state.selected) if (!keys.has(key)) this.state.selected.delete(key);
    this.tools.draw();
    this.tools.drawNote();
    this.tools.say();
    const { empty, table } = this.ui;
    const none = this.shared.live ? "" : say("table.cold.empty");
    empty.textContent = this.items.length ? "" : this.rows.size ? say("table.no_match") : this.shared.came ? "" : none;
    table.setAttribute("aria-rowcount", String(this.items.length + 1));
    for (const [name, th] of this.ui.sorters) {
      const sorted = name === this.state.column;
      if (sorted) th.setAttribute("aria-sort", this.state.direction > 0 ? "ascending" : "descending");
      else th.removeAttribute("aria-sort");
    }
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
    this.ui.yes.textContent = say("table.sure.yes", { jobs: count("job", number) });
    this.tools.draw();
    this.ui.no.focus();
  }

  decide(act) {
    this.pending = null;
    this.tools.draw();
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
    this.body.details.close(key);
  }

  async copy(node) {
    const { url } = this.rows.get(Number(node.dataset.key));
    try {
      await navigator.clipboard.writeText(url);
      node.sw.copy.textContent = "✓";
      setTimeout(() => (node.sw.copy.textContent = say("table.copy")), 1500);
    } catch {
      this.hint = say("job.url", { url }); // no clipboard here: show it, to be selected by hand
      this.tools.drawNote();
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
    const page = Math.max(1, Math.floor(this.ui.scroller.clientHeight / this.body.height) - 2);
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
    this.items.forEach(({ row }, at) => row && this.state.open.has(row.key) && extras.push([at, this.body.details.height(row.key)]));
    const top = topOf(index, this.body.height, extras);
    const room = scroller.clientHeight - table.tHead.offsetHeight;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + this.body.height > scroller.scrollTop + room) scroller.scrollTop = top + this.body.height - room;
    const { key } = this.items[index].row;
    this.state.current = key;
    this.draw();
    const { sw } = this.body.nodes.get(key);
    const control = sw[part]?.hidden === false && !sw[part].disabled ? sw[part] : sw.pick;
    control.focus({ preventScroll: true });
  }

  // ---------------------------------------------------------------- commands to the kernel

  command(kind, keys) {
    this.shared.outcome = this.hint = "";
    this.awaited = this.shared.heard;
    clearTimeout(this.ack);
    this.ack = setTimeout(() => {
      this.hint = BUSY;
      this.tools.drawNote();
    }, 1500);
    this.tools.drawNote();
    this.model.send(keys ? { kind, keys } : { kind });
  }

  answered() {
    clearTimeout(this.ack);
    if (this.hint === BUSY) this.hint = "";
  }
}
