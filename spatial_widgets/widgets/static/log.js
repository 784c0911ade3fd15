// @ts-check
// The message log as it is kept in a page: append-only, healed where a message was lost. Pure.
import { say } from "./phrases.js";

/**
 * The messages of one model, shared by its views.
 * Lines are [level, text], or [level, text, as sent] where the text was made of something else, or
 * [level, text, null, true] where it is only the beginning;
 * `first` is the number of the first line held here.
 */
export class Log {
  /** @param {string[][]} tail @param {number} total @param {(seq: number) => void} ask asks for lines from a number on */
  constructor(tail, total, ask) {
    this.lines = [...tail];
    this.first = this.lines.length ? Math.max(0, total - this.lines.length) : 0;
    this.total = total;
    this.ask = ask;
    this.asked = -1;
    this.fronts = 0; // how often older lines came
  }

  get end() {
    return this.first + this.lines.length;
  }

  /**
   * Take a batch; returns whether anything new came.
   * @param {number} seq the number of its first line @param {string[][]} lines
   * @param {{total?: number, asked?: boolean}} more how many there are by now, and whether the batch was asked for
   */
  take(seq, lines, { total = 0, asked = false } = {}) {
    this.total = Math.max(this.total, total, seq + lines.length);
    if (seq > this.end) {
      this.expect(seq + lines.length);
      return false;
    }
    const isOlder = seq < this.first && seq + lines.length >= this.first;
    if (isOlder) {
      this.lines = lines.slice(0, this.first - seq).concat(this.lines);
      this.first = seq;
      this.fronts += 1;
    }
    const fresh = seq < this.first ? [] : lines.slice(Math.max(0, this.end - seq));
    for (const line of fresh) this.lines.push(line);
    if (this.asked < this.end) this.asked = -1;
    if (asked && fresh.length) this.expect(this.total);
    return isOlder || fresh.length > 0;
  }

  /** The kernel holds `total` lines: ask for those that did not come, once per gap. */
  expect(total) {
    this.total = Math.max(this.total, total);
    if (total > this.end && this.asked !== this.end) {
      this.asked = this.end;
      this.ask(this.end);
    }
  }

  /** There is a kernel: a message that was cut to fit into a file is asked for whole. */
  renew() {
    if (!this.lines[0]?.[3]) return;
    this.lines.shift();
    this.first += 1;
    this.fronts += 1;
    this.ask(this.first - 1);
  }

  /** Ask once more where an answer did not come; returns whether anything is missing. */
  expectAgain() {
    this.asked = -1;
    this.expect(this.total);
    return this.total > this.end;
  }
}

/** What stands before a line: a sign and a word. @param {string} level */
export function mark(level) {
  if (level === "error") return { sign: "✕", word: say("log.error") };
  if (level === "warning") return { sign: "⚠", word: say("log.warning") };
  return { sign: "", word: "" };
}

/** A line as text, with what was sent where that is something else. @param {string[]} line */
export function plainLine([level, text, sent]) {
  return mark(level).word + text + (sent ? ` [${sent}]` : "");
}

/** Which lines of a log a reader wants to see. */
export class Choice {
  constructor() {
    this.level = "all"; // or "warning", errors included, or "error"
    this.text = "";
    this.lines = /** @type {string[][]} */ ([]);
    this.forget();
  }

  forget() {
    this.lines = [];
    this.read = -1; // the number of the first line that was not looked at
    this.fronts = -1;
  }

  /** @param {string} level @param {string} text */
  choose(level, text) {
    this.level = level;
    this.text = text.trim().toLowerCase();
    this.forget();
  }

  get isAll() {
    return this.level === "all" && this.text === "";
  }

  /** Look at what is new; returns whether all lines before may be others. @param {Log} log */
  update(log) {
    const isNew = this.fronts !== log.fronts;
    if (isNew) {
      this.forget();
      this.fronts = log.fronts;
      this.read = log.first;
    }
    for (const line of log.lines.slice(this.read - log.first)) if (this.wants(line)) this.lines.push(line);
    this.read = log.end;
    return isNew;
  }

  /** @param {string[]} line */
  wants([level, text, sent]) {
    if (this.level !== "all" && level !== "error" && level !== this.level) return false;
    return !this.text || text.toLowerCase().includes(this.text) || !!sent?.toLowerCase().includes(this.text);
  }
}

const BLOCK = 50;
const MARGIN = 300; // pixels that are made ready above and below what is in sight

/**
 * Where lines stand that are not in the page: in blocks, each as high as it was when it was last seen, or as it may be.
 * So the page holds a few blocks, however many lines there are.
 */
export class Blocks {
  constructor() {
    this.count = 0;
    this.line = 18; // pixels, to begin with
    this.known = /** @type {Map<number, {lines: number, height: number}>} */ (new Map());
  }

  /** The number of blocks. */
  get length() {
    return Math.ceil(this.count / BLOCK);
  }

  /** The first line of a block, and the one after its last. @param {number} block */
  span(block) {
    return [block * BLOCK, Math.min(this.count, (block + 1) * BLOCK)];
  }

  /** @param {number} block */
  height(block) {
    const [from, to] = this.span(block);
    const known = this.known.get(block);
    return known === undefined ? (to - from) * this.line : (known.height * (to - from)) / known.lines;
  }

  /** The pixels above a block; above the one after the last, all there are. @param {number} block */
  top(block) {
    let top = 0;
    for (let each = 0; each < block; each++) top += this.height(each);
    return top;
  }

  /** The block at some pixel. @param {number} y */
  at(y) {
    let top = 0;
    for (let block = 0; block < this.length; block++) {
      top += this.height(block);
      if (top > y) return block;
    }
    return Math.max(0, this.length - 1);
  }

  /** The blocks to have in the page, from one to before another. @param {number} top @param {number} height of what is in sight */
  inSight(top, height) {
    return this.length ? [this.at(top - MARGIN), this.at(top + height + MARGIN) + 1] : [0, 0];
  }

  /** A block was seen. @param {number} block @param {number} lines that stood in it @param {number} height */
  measure(block, lines, height) {
    if (!lines || !height) return;
    if (!this.known.size) this.line = height / lines;
    this.known.set(block, { lines, height });
  }

  /** Lines wrap in another way now, or are others. */
  forget() {
    this.known.clear();
  }
}
