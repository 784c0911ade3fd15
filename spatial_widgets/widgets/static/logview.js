// @ts-check
// The message log before a reader: a window on it, what to see of it, and the way back to its end.
import { button, copyText, make, put, summary } from "./dom.js";
import { Blocks, Choice, mark, plainLine } from "./log.js";
import { count, digits, say } from "./phrases.js";

const AT_END = 8; // pixels
const COPIED_MS = 1500;
const SEARCH_MS = 150; // between a key and the search for it
const WHOLE_MS = 4000; // a browser lets a page write to the clipboard for so long after a click

const whenIdle = globalThis.requestIdleCallback ?? ((work) => setTimeout(work, 500));
const notIdle = globalThis.cancelIdleCallback ?? clearTimeout;

/** @param {string[]} line */
function makeLine([level, text, sent]) {
  const node = make("div", `sw-line sw-${level}`);
  const { sign, word } = mark(level);
  if (sign) node.append(make("span", "sw-mark", { "aria-hidden": "true" }, `${sign} `), make("span", "sw-level", {}, word));
  node.append(document.createTextNode(text));
  if (sent) {
    const raw = make("details", "sw-sent");
    raw.append(summary(say("log.sent")), make("code", "", {}, sent));
    node.append(raw);
  }
  return node;
}

/** The blocks of lines that are in the page. */
class Pane {
  /** @param {HTMLElement} node scrolls */
  constructor(node) {
    this.node = node;
    this.blocks = new Blocks();
    this.nodes = /** @type {Map<number, HTMLElement>} */ (new Map());
    this.above = make("div", "");
    this.below = make("div", "");
    node.append(this.above, this.below);
  }

  /** Draw these lines, the end in sight if `follows`, else what was in sight. @param {string[][]} lines @param {boolean} follows */
  draw(lines, follows) {
    const { node, blocks } = this;
    blocks.count = lines.length;
    const anchor = blocks.at(node.scrollTop);
    const offset = node.scrollTop - blocks.top(anchor);
    // Twice: how high they are is known only when they are there, and then others may be in sight.
    for (let pass = 0; pass < 2; pass++) {
      const top = follows ? blocks.top(blocks.length) - node.clientHeight : blocks.top(anchor) + offset;
      this.fill(lines, ...blocks.inSight(top, node.clientHeight));
      node.scrollTop = follows ? node.scrollHeight : blocks.top(anchor) + offset;
    }
  }

  /** @param {string[][]} lines @param {number} from @param {number} to */
  fill(lines, from, to) {
    const { blocks } = this;
    for (const [block, node] of this.nodes) {
      if (block >= from && block < to) continue;
      node.remove();
      this.nodes.delete(block);
    }
    for (let block = from; block < to; block++) {
      const [first, end] = blocks.span(block);
      let node = this.nodes.get(block);
      if (!node) {
        node = make("div", "sw-block");
        this.nodes.set(block, node);
        let next = block + 1;
        while (next < to && !this.nodes.has(next)) next += 1;
        (this.nodes.get(next) ?? this.below).before(node);
      }
      node.append(...lines.slice(first + node.childElementCount, end).map(makeLine));
    }
    for (const [block, node] of this.nodes) blocks.measure(block, node.childElementCount, node.offsetHeight);
    this.above.style.height = `${blocks.top(from)}px`;
    this.below.style.height = `${blocks.top(blocks.length) - blocks.top(to)}px`;
  }

  /** The lines are others. */
  clear() {
    this.nodes.forEach((node) => node.remove());
    this.nodes.clear();
    this.blocks.forget();
  }
}

/** What stands above the lines. */
function bar() {
  const node = make("div", "sw-logbar");
  const level = /** @type {HTMLSelectElement} */ (make("select", "sw-select", { "aria-label": say("log.level") }));
  for (const name of ["all", "warning", "error"]) level.append(make("option", "", { value: name }, say(`log.level.${name}`)));
  const search = /** @type {HTMLInputElement} */ (
    make("input", "sw-search", { type: "search", "aria-label": say("log.search"), placeholder: say("log.search") })
  );
  const told = make("span", "sw-told");
  const copy = button(say("log.copy"), "sw-quiet");
  node.append(level, search, told, make("span", "sw-gap"), copy);
  return { node, level, search, told, copy };
}

/** A part of a view, see parts.js. */
export function log({ model, shared, view }) {
  const node = make("div", "sw-messages", { role: "group", "aria-label": say("log.label") });
  const tools = bar();
  const older = button("", "sw-quiet sw-older");
  const earlier = make("div", "sw-earlier"); // the same for those who have no kernel to ask
  const box = make("div", "sw-log", { role: "log", "aria-live": "off", "aria-label": say("log.label"), tabindex: "0" });
  const toEnd = button("", "sw-toend");
  const pane = new Pane(box);
  const choice = new Choice();
  node.append(tools.node, older, earlier, box, toEnd);
  let frame = 0;
  let idle = 0;
  let hasDrawn = false; // after that, what cannot be seen waits until there is time: it costs a layout of the page
  let typing = 0;
  let follows = true; // the end of the log, until the reader scrolls up
  let was = 0; // where it was scrolled to
  let left = 0; // the number of the first line that came after that

  const drawLines = () => {
    cancelAnimationFrame(frame);
    notIdle(idle);
    frame = idle = 0;
    if (!node.isConnected) return drawSoon(); // no heights yet to scroll by
    hasDrawn = true;
    const { log } = shared;
    const height = box.scrollHeight;
    const isNew = choice.update(log);
    node.hidden = log.end === 0;
    if (isNew) pane.clear();
    pane.draw(choice.lines, follows);
    if (isNew && !follows) box.scrollTop += box.scrollHeight - height; // older ones came: what was in sight stays
    put(tools.told, choice.isAll ? count("message", log.end) : say("log.shown", { n: digits(choice.lines.length), all: count("message", log.end) }));
    older.hidden = log.first === 0 || !shared.live;
    put(older, say("log.older", { messages: count("message", log.first) }));
    earlier.hidden = log.first === 0 || shared.live;
    put(earlier, say("log.earlier", { n: digits(log.first) }));
    toEnd.hidden = follows;
    const fresh = log.end - left;
    put(toEnd, fresh > 0 ? say("log.end.fresh", { n: digits(fresh) }) : say("log.end"));
  };
  const drawSoon = () => {
    if (view.isInSight || !hasDrawn) frame ||= requestAnimationFrame(drawLines);
    else idle ||= whenIdle(drawLines);
  };
  const choose = () => {
    choice.choose(tools.level.value, tools.search.value);
    follow();
  };
  const follow = () => {
    follows = true;
    drawSoon();
  };
  const askOlder = () => model.send({ kind: "log-before", seq: shared.log.first });
  /** Have all older lines here, or as many as come in time. */
  const whole = () =>
    new Promise((resolve) => {
      const { log } = shared;
      const end = () => {
        shared.readers.delete(look);
        clearTimeout(patience);
        resolve(log);
      };
      let first = log.first;
      const look = () => {
        if (log.first === 0 || !shared.live) return end();
        if (log.first < first) askOlder();
        first = log.first;
      };
      const patience = setTimeout(end, WHOLE_MS);
      shared.readers.add(look);
      if (first > 0 && shared.live) askOlder();
      look();
    });

  box.addEventListener("scroll", () => {
    const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < AT_END;
    const isUp = box.scrollTop < was; // else it only grew under the reader
    was = box.scrollTop;
    if (follows && !isAtEnd && isUp) left = shared.log.end;
    follows = isAtEnd || (follows && !isUp);
    drawSoon();
  });
  box.addEventListener("toggle", drawSoon, { capture: true }); // what was sent opens, and takes room
  tools.level.addEventListener("change", choose);
  tools.search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(choose, SEARCH_MS);
  });
  toEnd.addEventListener("click", () => {
    follow();
    box.focus();
  });
  older.addEventListener("click", askOlder);
  tools.copy.addEventListener("click", async () => {
    const { lines } = await whole();
    const isDone = await copyText(lines.map(plainLine).join("\n"));
    tools.copy.textContent = isDone ? say("log.copied", { messages: count("message", lines.length) }) : say("log.copy.failed");
    setTimeout(() => (tools.copy.textContent = say("log.copy")), COPIED_MS);
  });
  const wide = new ResizeObserver(() => {
    pane.blocks.forget();
    drawSoon();
  });
  wide.observe(box);
  shared.readers.add(drawSoon);
  drawSoon();
  return {
    node,
    draw: drawSoon,
    close() {
      wide.disconnect();
      shared.readers.delete(drawSoon);
      cancelAnimationFrame(frame);
      notIdle(idle);
      clearTimeout(typing);
    },
  };
}
