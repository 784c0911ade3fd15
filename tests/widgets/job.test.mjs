// The pure parts of a job's view. Run with: node --test tests/widgets/
import assert from "node:assert/strict";
import { test } from "node:test";
import view from "../../spatial_widgets/widgets/static/job.js";
import { loadingShown } from "../../spatial_widgets/widgets/static/loading.js";
import { Log } from "../../spatial_widgets/widgets/static/log.js";
import { sentence } from "../../spatial_widgets/widgets/static/results.js";
import { LOST, TONES, badge, contactShown, elapsed } from "../../spatial_widgets/widgets/static/status.js";

test("every documented status has a badge, and six are final", () => {
  assert.equal(Object.keys(TONES).length, 12);
  const final = Object.keys(TONES).filter((status) => badge(status).final);
  assert.deepEqual(final.sort(), ["esriJobCancelled", "esriJobDeleted", "esriJobFailed", "esriJobSucceeded", "esriJobTimedOut", "expectedFailure"]);
});

test("an unknown status shows its raw word and is not final", () => {
  for (const word of ["esriJobPaused", "toString", "__proto__", ""]) assert.deepEqual(badge(word), { text: word, tone: "running", final: false });
});

test("times read as people say them", () => {
  assert.equal(elapsed(-1), "0.0 s");
  assert.equal(elapsed(59.94), "59.9 s");
  assert.equal(elapsed(61), "1:01 min");
  assert.equal(elapsed(3723), "1:02:03 h");
});

test("a result is one line", () => {
  assert.equal(sentence({ name: "a", kind: "GeoDataFrame", rows: 1234, columns: 2, crs: "EPSG:4326", text: "" }), "a: GeoDataFrame, 1,234 rows × 2 columns, EPSG:4326");
  assert.equal(sentence({ name: "b", kind: "str", rows: null, columns: 0, crs: "", text: "hello" }), "b: hello");
  assert.equal(sentence({ name: "c", kind: "DataFrame", rows: 1, columns: 1, crs: "", text: "" }), "c: DataFrame, 1 row × 1 column");
});

test("lost contact is marked beside the badge, and nothing moves meanwhile", () => {
  assert.deepEqual(contactShown(false, true, false), { mark: "", moves: true });
  assert.deepEqual(contactShown(true, true, false), { mark: LOST, moves: false });
  assert.deepEqual(contactShown(true, false, false), { mark: LOST, moves: false });
  assert.deepEqual(contactShown(false, false, false), { mark: "", moves: false });
});

test("a job that has ended is not lost, whatever came before", () => {
  for (const live of [true, false]) assert.deepEqual(contactShown(true, live, true), { mark: "", moves: false });
});

test("the mark is words, and no status", () => {
  assert.equal(LOST, "Lost contact");
  assert.ok(!Object.keys(TONES).some((status) => badge(status).text === LOST));
});

test("figures are shown while results are loaded, and what is read aloud does not change with them", () => {
  const one = loadingShown({ state: "running", text: "Loading a: 1.0 MB, 10 rows" }, true);
  const two = loadingShown({ state: "running", text: "Loading a: 2.0 MB, 20 rows" }, true);
  assert.deepEqual(one, { figures: "Loading a: 1.0 MB, 10 rows", said: "Loading the results", running: true, stopped: false });
  assert.equal(two.figures, "Loading a: 2.0 MB, 20 rows");
  assert.equal(two.said, one.said);
});

test("a stop stays in sight, an end of its own does not, and without a kernel nothing is being loaded", () => {
  const stopped = { state: "stopped", text: "Loading was stopped; w.result() loads it" };
  for (const live of [true, false])
    assert.deepEqual(loadingShown(stopped, live), { figures: "", said: stopped.text, running: false, stopped: true });
  const nothing = { figures: "", said: "", running: false, stopped: false };
  assert.deepEqual(loadingShown({}, true), nothing);
  assert.deepEqual(loadingShown({ state: "running", text: "Loading a…" }, false), nothing);
});

const line = (n) => ["informative", `line ${n}`];

test("the log takes batches in order, and the same batch once", () => {
  const log = new Log([], 0, () => assert.fail("nothing was lost"));
  assert.equal(log.take(0, [line(0), line(1)]), true);
  assert.equal(log.take(0, [line(0), line(1)]), false);
  assert.equal(log.take(1, [line(1), line(2)]), true);
  assert.deepEqual(log.lines, [line(0), line(1), line(2)]);
});

test("a lost batch is asked for once, and the log is whole afterwards", () => {
  const asked = [];
  const log = new Log([], 0, (seq) => asked.push(seq));
  log.take(0, [line(0)]);
  assert.equal(log.take(2, [line(2)]), false);
  log.take(3, [line(3)]);
  assert.deepEqual(asked, [1]);
  log.take(1, [line(1), line(2), line(3)]);
  log.expect(4);
  assert.deepEqual(asked, [1]);
  assert.equal(log.lines.length, 4);
  log.expect(6);
  assert.deepEqual(asked, [1, 4]);
});

test("a view that opens late starts from the tail", () => {
  const log = new Log([line(8), line(9)], 10, () => {});
  assert.equal(log.first, 8);
  log.take(9, [line(9), line(10)]);
  assert.deepEqual(log.lines.map((l) => l[1]), ["line 8", "line 9", "line 10"]);
});

test("the module has the shape anywidget asks for, one state per model", () => {
  const [one, two] = [view(), view()];
  assert.deepEqual(Object.keys(one).sort(), ["initialize", "render"]);
  assert.notEqual(one.initialize, two.initialize);
});
