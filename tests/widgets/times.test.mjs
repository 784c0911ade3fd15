// How long a job waited and ran; test_times.py has the same cases. Run with: node --test tests/widgets/
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { spans, spansText, stations } from "../../spatial_widgets/widgets/static/times.js";

const cases = JSON.parse(readFileSync(new URL("times_cases.json", import.meta.url), "utf-8"));

for (const { case: name, moments, isNew, until, text } of cases)
  test(`times of a job: ${name}`, () => assert.equal(spansText(spans(moments, isNew, until)), text));

test("the line of statuses tells the seconds since the submit, and of a job that was found only when it was seen", () => {
  const moments = [["esriJobSubmitted", 100], ["esriJobExecuting", 102], ["esriJobPaused", 165]];
  assert.deepEqual(stations(moments, true).map((s) => [s.word, s.after]), [["Submitted", "+0.0 s"], ["Executing", "+2.0 s"], ["esriJobPaused", "+1:05 min"]]);
  assert.deepEqual(stations(moments, false).map((s) => s.after), ["first seen", "", ""]);
});
