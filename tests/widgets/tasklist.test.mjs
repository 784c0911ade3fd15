import assert from "node:assert/strict";
import { test } from "node:test";

import { found } from "../../spatial_widgets/widgets/static/tasklist.js";

const TASKS = [
  { name: "CreateBuffers", standing: "local", description: "Areas within a distance" },
  { name: "FindHotSpots", standing: "local, approximates", description: "Where high values cluster" },
  { name: "PlanRoutes", standing: "needs a road network", description: "" },
];
const names = (text) => found(TASKS, text).map((task) => task.name);

test("nothing typed finds all", () => assert.equal(found(TASKS, "  ").length, 3));
test("name, standing and description are searched, in capitals or not", () => {
  assert.deepEqual(names("hotspot"), ["FindHotSpots"]);
  assert.deepEqual(names("ROAD"), ["PlanRoutes"]);
  assert.deepEqual(names("cluster"), ["FindHotSpots"]);
});
test("every word must be there", () => {
  assert.deepEqual(names("local distance"), ["CreateBuffers"]);
  assert.deepEqual(names("local road"), []);
});
