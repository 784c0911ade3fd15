// @ts-check
// The message log: append-only, healed where a message was lost.
import { make } from "./dom.js";
import { say } from "./phrases.js";

const REPLY = 2000; // lines the kernel sends at once when asked

/**
 * The message log of one model, shared by its views.
 * Lines are [level, text]; `first` is the number of the first line held here.
 */
export class Log {
  constructor(tail, total, ask) {
    this.lines = [...tail];
    this.first = this.lines.length ? Math.max(0, total - this.lines.length) : 0;
    this.ask = ask;
    this.asked = -1;
  }

  get end() {
    return this.first + this.lines.length;
  }

  /** Take a batch; returns whether anything new came. */
  take(seq, lines) {
    if (seq > this.end) {
      this.expect(seq + lines.length);
      return false;
    }
    const fresh = lines.slice(this.end - seq);
    this.lines.push(...fresh);
    if (this.asked < this.end) this.asked = -1;
    if (lines.length === REPLY) this.ask(this.end);
    return fresh.length > 0;
  }

  /** The kernel holds `total` lines: ask for those that did not come, once per gap. */
  expect(total) {
    if (total > this.end && this.asked !== this.end) {
      this.asked = this.end;
      this.ask(this.end);
    }
  }
}

function logLine([level, text]) {
  const line = make("div", `sw-line sw-${level}`);
  if (level !== "informative") line.append(make("span", "sw-level", {}, say(level === "error" ? "log.error" : "log.warning")));
  line.append(document.createTextNode(text));
  return line;
}

/** A part of a view, see parts.js. */
export function log({ shared }) {
  const node = make("div", "sw-log", { role: "log", "aria-live": "off", "aria-label": say("log.label"), tabindex: "0" });
  let shown = 0;
  let frame = 0;
  let follows = true; // the end of the log, until the reader scrolls up

  const drawLines = () => {
    frame = 0;
    if (!node.isConnected) return drawSoon(); // no heights yet to scroll by
    node.append(...shared.log.lines.slice(shown).map(logLine));
    shown = shared.log.lines.length;
    node.hidden = shown === 0;
    if (follows) node.scrollTop = node.scrollHeight;
  };
  const drawSoon = () => {
    if (!frame) frame = requestAnimationFrame(drawLines);
  };
  node.addEventListener("scroll", () => {
    follows = node.scrollHeight - node.scrollTop - node.clientHeight < 8;
  });
  shared.readers.add(drawSoon);
  drawSoon();
  return {
    node,
    close() {
      shared.readers.delete(drawSoon);
      cancelAnimationFrame(frame);
    },
  };
}
