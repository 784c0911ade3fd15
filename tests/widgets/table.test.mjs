// The pure parts of the table of jobs. Run with: node --test tests/widgets/
import assert from "node:assert/strict";
import { test } from "node:test";
import { COLUMNS, Rows, age, canCancel, inSight, isOver, layOut, list, matches, topOf, words } from "../../spatial_widgets/widgets/static/rows.js";
import view from "../../spatial_widgets/widgets/static/table.js";

const row = (key, more = {}) => ({
  key, task: "Buffer", id: `j${key}`, url: "", status: "esriJobExecuting", word: "running", hold: "", progress: null,
  submitted: 100, ended: null, message: "", note: "", retry: false, widget: "", ...more,
});
const good = (key, more = {}) => row(key, { status: "esriJobSucceeded", word: "succeeded", progress: 100, ended: 110, ...more });
const bad = (key, more = {}) => row(key, { status: "esriJobFailed", word: "failed", ended: 105, ...more });
const HOW = { text: "", word: "", column: "", direction: 1, grouped: false };
const keys = (items) => items.map((item) => item.row?.key ?? item.label);

// ---------------------------------------------------------------- merging

test("everything comes first, then changes in their order, each a new object", () => {
  const rows = new Rows([], () => {});
  rows.want();
  assert.equal(rows.take({ seq: 5, all: true, rows: [row(0), row(1)] }), true);
  const before = rows.byKey.get(0);
  assert.equal(rows.take({ seq: 6, all: false, rows: [{ key: 0, progress: 50 }, row(2)] }), true);
  assert.equal(rows.byKey.get(0).progress, 50);
  assert.equal(rows.byKey.get(0).task, "Buffer");
  assert.notEqual(rows.byKey.get(0), before);
  assert.equal(rows.byKey.size, 3);
});

test("a message that came before is taken once", () => {
  const rows = new Rows([], () => assert.fail("nothing was lost"));
  rows.take({ seq: 5, all: true, rows: [row(0)] });
  assert.equal(rows.take({ seq: 5, all: false, rows: [{ key: 0, progress: 1 }] }), false);
  assert.equal(rows.take({ seq: 4, all: false, rows: [{ key: 0, progress: 1 }] }), false);
  assert.equal(rows.byKey.get(0).progress, null);
});

test("where a message is missing everything is asked for, once, and nothing half is shown", () => {
  let asked = 0;
  const rows = new Rows([], () => asked++);
  rows.take({ seq: 1, all: true, rows: [row(0)] });
  for (const seq of [3, 4, 5]) assert.equal(rows.take({ seq, all: false, rows: [{ key: 0, progress: seq }] }), false);
  assert.equal(asked, 1);
  assert.equal(rows.byKey.get(0).progress, null);
  rows.take({ seq: 6, all: true, rows: [row(0, { progress: 9 })] });
  assert.equal(rows.take({ seq: 7, all: false, rows: [{ key: 0, progress: 10 }] }), true);
  rows.take({ seq: 9, all: false, rows: [] });
  assert.equal(asked, 2);
});

test("a view that joins late asks, whatever it hears before the answer", () => {
  let asked = 0;
  const rows = new Rows([good(0)], () => asked++);
  rows.want();
  assert.equal(rows.take({ seq: 41, all: false, rows: [{ key: 3, progress: 1 }] }), false);
  assert.equal(asked, 1);
  assert.deepEqual([...rows.byKey.keys()], [0]);
  rows.take({ seq: 42, all: true, rows: [row(3)] });
  assert.deepEqual([...rows.byKey.keys()], [3]);
});

test("any loss of messages ends in what the kernel has", () => {
  for (let seed = 1; seed <= 200; seed++) {
    let state = seed;
    const random = (n) => (state = (state * 48271) % 2147483647) % n;
    const kernel = new Map([[0, row(0)]]);
    let seq = 0;
    let wanted = false;
    const rows = new Rows([], () => (wanted = true));
    rows.want();
    for (let step = 0; step < 40; step++) {
      const key = random(5);
      const change = { key, progress: random(100) };
      const isNew = !kernel.has(key);
      kernel.set(key, isNew ? row(key, change) : { ...kernel.get(key), ...change });
      const all = wanted;
      wanted = false;
      seq++;
      const message = { seq, all, rows: all ? [...kernel.values()] : [isNew ? kernel.get(key) : change] };
      if (all || random(4) > 0 || step > 36) rows.take(message);
    }
    seq++;
    rows.take({ seq, all: wanted, rows: wanted ? [...kernel.values()] : [] });
    if (wanted || rows.asked) rows.take({ seq: seq + 1, all: true, rows: [...kernel.values()] });
    assert.deepEqual([...rows.byKey].sort(), [...kernel].sort(), `seed ${seed}`);
  }
});

// ---------------------------------------------------------------- sorting, filtering, grouping

test("without a column rows stand as the jobs came", () => {
  assert.deepEqual(keys(list([row(2), row(0), row(1)], HOW, 0)), [0, 1, 2]);
});

test("numbers in names count as numbers, and equal rows keep their order both ways", () => {
  const rows = [row(0, { id: "j10" }), row(1, { id: "j9" }), row(2, { id: "J10" })];
  assert.deepEqual(keys(list(rows, { ...HOW, column: "id" }, 0)), [1, 0, 2]);
  assert.deepEqual(keys(list(rows, { ...HOW, column: "id", direction: -1 }, 0)), [0, 2, 1]);
});

test("what is not known comes last, whichever way", () => {
  const rows = [row(0), row(1, { progress: 10 }), row(2, { progress: 5 })];
  assert.deepEqual(keys(list(rows, { ...HOW, column: "progress" }, 0)), [2, 1, 0]);
  assert.deepEqual(keys(list(rows, { ...HOW, column: "progress", direction: -1 }, 0)), [1, 2, 0]);
});

test("statuses are sorted in the course of a job, unknown ones as running", () => {
  const rows = [bad(0), good(1), row(2, { status: "esriJobPaused", word: "esriJobPaused" }), row(3, { status: "esriJobSubmitted", word: "submitted" })];
  assert.deepEqual(keys(list(rows, { ...HOW, column: "status" }, 0)), [3, 2, 1, 0]);
});

test("every column sorts", () => {
  for (const { name } of COLUMNS) assert.equal(list([row(0), good(1), bad(2)], { ...HOW, column: name }, 200).length, 3);
});

test("elapsed ends with the job, and is not known of one that nobody follows", () => {
  assert.equal(age(row(0), 130), 30);
  assert.equal(age(good(0), 130), 10);
  assert.equal(age(row(0), 50), 0);
  assert.equal(age(row(0, { submitted: null }), 130), null);
  assert.equal(age(row(0, { hold: "as last seen" }), 130), null);
  assert.deepEqual(keys(list([row(0), good(1), bad(2)], { ...HOW, column: "elapsed", direction: -1 }, 130)), [0, 1, 2]);
});

test("a search finds every word, anywhere, in any case", () => {
  const one = row(0, { task: "FindHotSpots", message: "Reading LAYER", note: "no answer" });
  for (const text of ["", "hot", "layer find", "J0 running", "executing", "ANSWER"]) assert.ok(matches(one, text), text);
  for (const text of ["cold", "layer cold"]) assert.ok(!matches(one, text), text);
});

test("a filter keeps one status, and groups have heads with numbers in the course of a job", () => {
  const rows = [good(0), row(1), bad(2), row(3), row(4, { hold: "lost contact", word: "lost" })];
  assert.deepEqual(keys(list(rows, { ...HOW, word: "running" }, 0)), [1, 3]);
  const grouped = list(rows, { ...HOW, grouped: true }, 0);
  assert.deepEqual(keys(grouped), ["Executing", 1, 3, "Succeeded", 0, "Failed", 2, "Lost contact", 4]);
  assert.equal(grouped[0].count, 2);
  assert.deepEqual(words(rows).map(({ word, count }) => [word, count]), [["running", 2], ["succeeded", 1], ["failed", 1], ["lost", 1]]);
});

test("a cancel can be asked for while a job goes on and there is somebody to ask", () => {
  assert.ok(canCancel(row(0)) && canCancel(row(0, { status: "esriJobOdd" })) && canCancel(row(0, { hold: "lost contact" })));
  for (const not of [good(0), bad(0), row(0, { status: "esriJobCancelling" }), row(0, { hold: "as last seen" })]) assert.ok(!canCancel(not));
  assert.ok(isOver(row(0, { hold: "lost contact" })) && !isOver(row(0)) && isOver(good(0)));
});

test("ten thousand rows are listed in a moment", () => {
  const rows = Array.from({ length: 10_000 }, (_, n) => row(n, { id: `j${(n * 7919) % 10_000}`, message: `Second ${n % 60}` }));
  const start = performance.now();
  for (const column of ["id", "message", "status"]) list(rows, { ...HOW, column, text: "second" }, 0);
  assert.ok(performance.now() - start < 3000);
});

// ---------------------------------------------------------------- what is in sight

const SIGHT = { count: 1000, height: 30, extras: [], top: 0, view: 300, around: 2 };

test("only what is in sight and a few around it is in the page", () => {
  assert.deepEqual(inSight(SIGHT), [0, 13]);
  assert.deepEqual(inSight({ ...SIGHT, top: 3000 }), [98, 113]);
  assert.deepEqual(inSight({ ...SIGHT, top: 1e9 }), [997, 1000]);
  assert.deepEqual(inSight({ ...SIGHT, count: 3 }), [0, 3]);
  assert.deepEqual(inSight({ ...SIGHT, count: 0 }), [0, 0]);
  assert.deepEqual(inSight({ ...SIGHT, top: -50 }), [0, 13]); // pulled over the edge
});

test("what is opened below a row moves all after it", () => {
  const extras = [[1, 200], [4, 100]];
  assert.deepEqual([0, 1, 2, 5].map((i) => topOf(i, 30, extras)), [0, 30, 260, 450]);
  assert.deepEqual(inSight({ ...SIGHT, extras, top: 100, view: 100, around: 0 }), [1, 2]); // within what row 1 opened
  assert.deepEqual(inSight({ ...SIGHT, extras, top: 270, view: 60, around: 0 }), [2, 5]);
});

test("for every place of the scroll bar the rows in the page cover what is in sight, and the height stays", () => {
  const extras = [[0, 55], [7, 210], [8, 31], [19, 90]];
  const [count, height, view] = [20, 30, 100];
  const whole = topOf(count, height, extras);
  for (let top = 0; top <= whole - view; top++) {
    const [first, end] = inSight({ count, height, extras, top, view, around: 0 });
    assert.ok(topOf(first, height, extras) <= top, `top ${top}`);
    assert.ok(topOf(end, height, extras) >= top + view, `top ${top}`);
    const parts = layOut(count, [first, end], [19, 3, 3, -1, 99], height, extras);
    const size = (part) => part.gap ?? topOf(part.to, height, extras) - topOf(part.from, height, extras);
    assert.equal(parts.reduce((sum, part) => sum + size(part), 0), whole);
    const shown = parts.filter((part) => !("gap" in part)).flatMap(({ from, to }) => Array.from({ length: to - from }, (_, n) => from + n));
    assert.deepEqual(shown, [...new Set([3, 19, ...Array.from({ length: end - first }, (_, n) => first + n)])].sort((a, b) => a - b));
  }
});

test("an empty table has nothing to lay out", () => {
  assert.deepEqual(layOut(0, [0, 0], [], 30, []), []);
});

test("the module has the shape anywidget asks for, one state per model", () => {
  const [one, two] = [view(), view()];
  assert.deepEqual(Object.keys(one).sort(), ["initialize", "render"]);
  assert.notEqual(one.initialize, two.initialize);
});
