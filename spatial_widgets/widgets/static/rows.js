// @ts-check
// What a table of jobs shows, without a page: merging, sorting, filtering, grouping, and which rows are in sight.
import { say } from "./phrases.js";
import { TONES, badge } from "./status.js";

const NAMES = ["task", "status", "progress", "elapsed", "message", "id"];
export const COLUMNS = NAMES.map((name) => ({ name, label: say(`table.column.${name}`) }));

const ORDER = Object.keys(TONES);
const letters = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Where a status stands in the course of a job; an unknown one is taken for running. @param {string} status */
function place(status) {
  const at = ORDER.indexOf(status);
  return at < 0 ? ORDER.indexOf("esriJobExecuting") : at;
}

const FINAL = new Set(ORDER.filter((status) => badge(status).final));

/** Whether nothing more will be heard of a row. */
export const isOver = (row) => row.hold !== "" || FINAL.has(row.status);

/** Whether there is somebody to ask for its cancel, and it was not asked yet. */
export const canCancel = (row) => row.hold !== "as last seen" && !FINAL.has(row.status) && badge(row.status).tone !== "stopping";

/** The status of a row for a reader: the word on its badge, or why nobody follows it. */
function label(row) {
  const held = hold(row);
  return held ? held[0].toUpperCase() + held.slice(1) : badge(row.status).text;
}

/** Why nobody follows a row, in words, or "". */
export const hold = (row) => (row.hold ? say(`table.hold.${row.hold}`) : "");

/** What a saved row has where it says nothing else. */
const BLANK = { hold: "", progress: null, submitted: null, ended: null, message: "", note: "", retry: false, widget: "" };

/** Seconds from submit to end or now; null where unknown. @param {number} now seconds, the kernel's clock */
export function age(row, now) {
  if (row.submitted === null || (row.ended === null && isOver(row))) return null;
  return Math.max(0, (row.ended ?? now) - row.submitted);
}

/**
 * The rows of one model, shared by its views: changes are laid on in their order, and where one is missing
 * everything is asked for, once.
 */
export class Rows {
  /** @param {any[]} saved rows of a page without a kernel @param {() => void} ask for everything */
  constructor(saved, ask) {
    this.byKey = new Map(saved.map((row) => [row.key, { ...BLANK, ...row }]));
    this.ask = ask;
    this.seq = null; // nothing came yet
    this.asked = false;
  }

  /** Ask for everything, and for nothing more until it comes. */
  want() {
    if (!this.asked) this.ask();
    this.asked = true;
  }

  /** Take a message; returns whether anything is to be drawn. */
  take({ seq, all, rows }) {
    if (all) {
      this.byKey = new Map(rows.map((row) => [row.key, row]));
      this.seq = seq;
      this.asked = false;
      return true;
    }
    if (this.seq !== null && seq <= this.seq) return false;
    if (seq !== (this.seq ?? NaN) + 1) {
      this.want();
      return false;
    }
    this.seq = seq;
    // A new object for each change: a view sees by its identity that it has to draw.
    for (const row of rows) this.byKey.set(row.key, { ...this.byKey.get(row.key), ...row });
    return true;
  }
}

const RANK = {
  task: (row) => row.task,
  status: (row) => place(row.status) + (row.hold ? 100 : 0), // what nobody follows comes last
  progress: (row) => row.progress,
  elapsed: (row, now) => age(row, now),
  message: (row) => row.note || row.message || null,
  id: (row) => row.id,
};

/** Compare two values; what is not known comes last whichever way the others are sorted. */
function compare(a, b, direction) {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return direction * (typeof a === "number" ? a - b : letters.compare(a, b));
}

/** Whether a row has every word of a text, somewhere. */
export function matches(row, text) {
  const all = `${row.task}\n${row.id}\n${row.word}\n${label(row)}\n${row.message}\n${row.note}`.toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => all.includes(word));
}

/**
 * What is listed, in order: rows as `{ row }`, and heads of groups as `{ label, count }`.
 * @param {Iterable<any>} rows
 * @param {{text: string, word: string, column: string, direction: number, grouped: boolean}} how `word` "" is every status,
 *   `column` "" the order in which the jobs came
 * @param {number} now
 */
export function list(rows, how, now) {
  const chosen = [...rows].filter((row) => (!how.word || row.word === how.word) && matches(row, how.text));
  const rank = RANK[how.column];
  const ranked = chosen.map((row) => ({ row, rank: rank ? rank(row, now) : row.key }));
  const direction = rank ? how.direction : 1;
  ranked.sort((a, b) => compare(a.rank, b.rank, direction) || a.row.key - b.row.key);
  if (!how.grouped) return ranked.map(({ row }) => ({ row }));
  const groups = new Map();
  for (const { row } of ranked) {
    if (!groups.has(row.word)) groups.set(row.word, []);
    groups.get(row.word).push({ row });
  }
  const heads = [...groups].sort(([, a], [, b]) => RANK.status(a[0].row) - RANK.status(b[0].row));
  return heads.flatMap(([, items]) => [{ label: label(items[0].row), count: items.length }, ...items]);
}

/** The statuses that rows have, each with its number, in the course of a job. */
export function words(rows) {
  const found = new Map();
  for (const row of rows) {
    if (!found.has(row.word)) found.set(row.word, { word: row.word, label: label(row), count: 0, rank: RANK.status(row) });
    found.get(row.word).count++;
  }
  return [...found.values()].sort((a, b) => a.rank - b.rank);
}

/**
 * The distance from the top of the first item to the top of item `index`.
 * @param {number} height of each item @param {[number, number][]} extras [index, height] of what lies below an item, in order
 */
export function topOf(index, height, extras) {
  return index * height + extras.reduce((sum, [at, more]) => sum + (at < index ? more : 0), 0);
}

/**
 * The items in sight and a few around them, as [first, end).
 * @param {{count: number, height: number, extras: [number, number][], top: number, view: number, around?: number}} sight
 */
export function inSight({ count, height, extras, top, view, around = 8 }) {
  /** The item at a distance from the top. */
  const at = (distance) => {
    let left = distance;
    let index = 0;
    for (const [where, more] of extras) {
      const below = (where + 1 - index) * height;
      if (left < below) break;
      left -= below;
      index = where + 1;
      if (left < more) return where;
      left -= more;
    }
    return index + Math.floor(left / height);
  };
  const first = Math.max(0, Math.min(count - 1, at(Math.max(0, top))) - around);
  return [Math.max(0, first), Math.min(count, at(Math.max(0, top) + view) + 1 + around)];
}

/**
 * What stands in the table body: runs of items as [first, end), and between them gaps of so many pixels.
 * @param {number} count @param {[number, number]} sight @param {number[]} kept items that stay wherever they are
 * @returns {({gap: number} | {from: number, to: number})[]}
 */
export function layOut(count, [first, end], kept, height, extras) {
  const runs = [];
  const add = (from, to) => {
    const last = runs.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else runs.push({ from, to });
  };
  const pieces = [...kept.filter((i) => i >= 0 && i < count).map((i) => [i, i + 1]), ...(first < end ? [[first, end]] : [])];
  for (const [from, to] of pieces.sort(([a], [b]) => a - b)) add(from, to);
  const parts = [];
  let done = 0;
  for (const run of [...runs, { from: count, to: count }]) {
    const gap = topOf(run.from, height, extras) - topOf(done, height, extras);
    if (gap > 0) parts.push({ gap });
    if (run.to > run.from) parts.push(run);
    done = run.to;
  }
  return parts;
}
