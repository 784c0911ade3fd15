import assert from "node:assert/strict";
import { test } from "node:test";

import { fits } from "../../spatial_widgets/widgets/static/fieldtypes.js";

const esri = (...words) => words.map((word) => `esriFieldType${word}`);

test("a filter lets the columns of its types through, by Esri's words and by pandas'", () => {
  for (const type of ["Double", "Single", "float64", "Float32"]) assert.ok(fits(esri("Double"), type), type);
  for (const type of ["String", "object", "str", "int64", "datetime64[ms, UTC]"]) assert.ok(!fits(esri("Double"), type), type);
  for (const type of ["Integer", "OID", "int64", "Int32", "uint8"]) assert.ok(fits(esri("SmallInteger"), type), type);
  for (const type of ["String", "object", "string[pyarrow]", "category"]) assert.ok(fits(esri("OID", "String"), type), type);
  assert.ok(fits(esri("Date"), "datetime64[ns]"));
  assert.ok(fits(esri("Blob"), "Blob"));
});

test("where nothing is said everything is offered", () => {
  assert.ok(fits([], "object"));
  assert.ok(fits(["zip"], "object"));
  assert.ok(fits(esri("Double"), ""));
});
