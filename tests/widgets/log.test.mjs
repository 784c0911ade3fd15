// The message log as a page keeps it. Run with: node --test tests/widgets/
import assert from "node:assert/strict";
import { test } from "node:test";
import { Blocks, Choice, Log, mark, plainLine } from "../../spatial_widgets/widgets/static/log.js";

const line = (n, level = "informative") => [level, `line ${n}`];
const lines = (from, to) => Array.from({ length: to - from }, (_, n) => line(from + n));
const quiet = () => assert.fail("nothing was lost");

test("older lines come before those that are here, and each once", () => {
  const log = new Log(lines(8, 10), 10, quiet);
  assert.equal(log.take(5, lines(5, 9), { asked: true, total: 10 }), true);
  assert.deepEqual([log.first, log.end], [5, 10]);
  assert.equal(log.take(0, lines(0, 3), { asked: true, total: 10 }), false); // not next to them
  assert.equal(log.take(0, lines(0, 12), { total: 12 }), true);
  assert.deepEqual(log.lines, lines(0, 12));
});

test("of a message that was kept by its beginning the whole is asked for where there is a kernel, and takes its place", () => {
  const asked = [];
  const log = new Log([["error", "line 4 … 900 more characters in job.messages", null, true]], 5, (seq) => asked.push(seq));
  assert.deepEqual([log.first, log.end], [4, 5]);
  const choice = new Choice();
  choice.update(log);
  log.renew();
  assert.deepEqual(asked, [4]);
  assert.equal(log.take(4, [["error", "line 4 whole"]], { asked: true, total: 5 }), true);
  assert.deepEqual([log.first, log.end], [4, 5]);
  assert.equal(choice.update(log), true); // what was drawn is another line now
  assert.deepEqual(choice.lines, [["error", "line 4 whole"]]);
  log.renew();
  assert.deepEqual(asked, [4]);
});

test("what is only a beginning is copied and found as a text without what was sent", () => {
  const line = ["error", "line 4 …", null, true];
  assert.equal(plainLine(line), "Error: line 4 …");
  assert.equal(new Choice().wants(line), true);
});

test("a batch that was asked for asks for the next while there is more, a batch that was told does not", () => {
  const asked = [];
  const log = new Log([], 0, (seq) => asked.push(seq));
  log.take(0, lines(0, 4), { total: 10 });
  assert.deepEqual(asked, []);
  log.take(4, lines(4, 6), { total: 10, asked: true });
  assert.deepEqual(asked, [6]);
  log.take(6, lines(6, 10), { total: 10, asked: true });
  assert.deepEqual(asked, [6]);
  assert.equal(log.expectAgain(), false);
});

test("what stayed out is asked for again", () => {
  const asked = [];
  const log = new Log([], 0, (seq) => asked.push(seq));
  log.expect(5);
  assert.equal(log.expectAgain(), true);
  assert.deepEqual(asked, [0, 0]);
});

test("warnings and errors have a sign and a word, and what was sent is never lost", () => {
  assert.deepEqual(mark("warning"), { sign: "⚠", word: "Warning: " });
  assert.deepEqual(mark("error"), { sign: "✕", word: "Error: " });
  assert.deepEqual(mark("informative"), { sign: "", word: "" });
  assert.equal(plainLine(["warning", "Cost: 1 credit", '{"cost": 1}']), 'Warning: Cost: 1 credit [{"cost": 1}]');
  assert.equal(plainLine(line(1)), "line 1");
});

test("a reader chooses by level and by text, also of what was sent", () => {
  const log = new Log([], 0, quiet);
  log.take(0, [line(0), line(1, "warning"), line(2, "error"), ["warning", "Cost: 1 credit", '{"cost": 1}']]);
  const seen = (level, text) => {
    const choice = new Choice();
    choice.choose(level, text);
    choice.update(log);
    return choice.lines.map((l) => l[1]);
  };
  assert.equal(seen("all", "").length, 4);
  assert.deepEqual(seen("warning", ""), ["line 1", "line 2", "Cost: 1 credit"]);
  assert.deepEqual(seen("error", ""), ["line 2"]);
  assert.deepEqual(seen("all", " LINE 1 "), ["line 1"]);
  assert.deepEqual(seen("all", '{"cost"'), ["Cost: 1 credit"]);
  assert.deepEqual(seen("all", ".*"), []);
});

test("a choice looks at each new line once, and at all again when older ones come", () => {
  const log = new Log(lines(100, 110), 110, quiet);
  const choice = new Choice();
  choice.choose("all", "");
  assert.equal(choice.update(log), true);
  log.take(110, lines(110, 112));
  assert.equal(choice.update(log), false);
  assert.equal(choice.lines.length, 12);
  log.take(50, lines(50, 100));
  assert.equal(choice.update(log), true);
  assert.deepEqual(choice.lines, log.lines);
});

test("however many lines there are, a few blocks are in the page, and they cover what is in sight", () => {
  const blocks = new Blocks();
  for (const count of [0, 1, 49, 50, 51, 50_000]) {
    blocks.count = count;
    const all = blocks.top(blocks.length);
    for (let top = 0; top <= all; top += Math.max(1, all / 97)) {
      const [from, to] = blocks.inSight(top, 200);
      assert.ok(to - from <= 3 && from >= 0 && to <= blocks.length);
      if (count) assert.ok(blocks.top(from) <= top && (blocks.top(to) >= top + 200 || to === blocks.length));
    }
  }
});

test("a block is as high as it was seen, and grows with its lines", () => {
  const blocks = new Blocks();
  blocks.count = 120;
  blocks.measure(0, 50, 1000);
  assert.deepEqual([blocks.height(0), blocks.height(1), blocks.height(2)], [1000, 1000, 400]);
  blocks.measure(2, 20, 600);
  blocks.count = 130;
  assert.equal(blocks.height(2), 900);
  assert.equal(blocks.top(3), 2900);
  assert.equal(blocks.at(2000), 2);
  blocks.measure(1, 0, 0);
  blocks.forget();
  assert.equal(blocks.height(0), 1000);
});
