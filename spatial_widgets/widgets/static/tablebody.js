// @ts-check
// The rows of a table of jobs that are in the page: those in sight, those that are open, and gaps between them.
import { make } from "./dom.js";
import { COLUMNS } from "./rows.js";
import { Details, fillRow, makeRow, tick } from "./tablerow.js";
import { digits, say } from "./phrases.js";

const SPAN = String(COLUMNS.length + 2);
const ROW_PX = 30; // until one was measured

export class Body {
  /** @param {HTMLElement} body @param {any} model @param {() => void} redraw called when something opened changes its height */
  constructor(body, model, redraw) {
    Object.assign(this, { body, height: ROW_PX, nodes: new Map(), details: new Details(model, SPAN, redraw) });
  }

  /** A gap of so many pixels. @param {number} height */
  gap(height) {
    const row = make("tr", "sw-gap-row", { "aria-hidden": "true" });
    const cell = make("td", "", { colspan: SPAN });
    cell.style.height = `${height}px`;
    row.append(cell);
    return row;
  }

  /** The elements of items `from` to `to`. */
  run({ from, to }, items, state, live) {
    const found = [];
    for (let index = from; index < to; index++) {
      const item = items[index];
      if (!item.row) {
        const head = make("tr", "sw-group", { "aria-rowindex": String(index + 2) });
        const cell = make("th", "", { colspan: SPAN, scope: "colgroup" });
        cell.append(make("span", "", {}, say("table.status.one", { label: item.label, n: digits(item.count) })));
        head.append(cell);
        found.push(head);
        continue;
      }
      const { key } = item.row;
      const node = this.nodes.get(key) ?? makeRow();
      this.nodes.set(key, node);
      fillRow(node, item.row, live);
      const isOpen = state.open.has(key);
      node.setAttribute("aria-rowindex", String(index + 2));
      node.sw.pick.checked = state.selected.has(key);
      node.sw.open.setAttribute("aria-expanded", String(isOpen));
      node.sw.open.textContent = isOpen ? "▾" : "▸";
      // One row is on the way of the Tab key; arrow keys go to the others.
      for (const control of node.querySelectorAll("[data-part]")) control.tabIndex = key === state.current ? 0 : -1;
      found.push(node);
      if (isOpen) found.push(this.details.of(item.row));
    }
    return found;
  }

  /**
   * Bring the body to these parts, touching only what differs.
   * @param {any[]} parts as `layOut` gives them @param {any[]} items @param {any} state of the view @param {boolean} live
   */
  place(parts, items, state, live) {
    const { body } = this;
    const wanted = parts.flatMap((part) => ("gap" in part ? [this.gap(part.gap)] : this.run(part, items, state, live)));
    const set = new Set(wanted);
    for (const node of [...body.children]) if (!set.has(node)) node.remove();
    wanted.forEach((node, index) => {
      if (body.children[index] !== node) body.insertBefore(node, body.children[index] ?? null);
    });
    for (const [key, node] of this.nodes) if (!set.has(node)) this.nodes.delete(key);
  }

  /** Take the height of a row from the page; returns whether it is another one. */
  measure() {
    const [node] = this.nodes.values();
    const height = node?.getBoundingClientRect().height;
    const changed = height > 0 && Math.abs(height - this.height) > 0.5;
    if (changed) this.height = height;
    return changed;
  }

  /** @param {number} now seconds, by the kernel's clock */
  tick(now) {
    for (const node of this.nodes.values()) tick(node, now);
  }
}
