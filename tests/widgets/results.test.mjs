// The pure parts of what is done with results. Run with: node --test tests/widgets/
import assert from "node:assert/strict";
import { test } from "node:test";
import { Parcel, formatName, sizeText } from "../../spatial_widgets/widgets/static/download.js";
import { needsAttaching } from "../../spatial_widgets/widgets/static/nextsteps.js";

const part = (...bytes) => [new DataView(new Uint8Array(bytes).buffer)];

test("a parcel is whole when every part came in its place", () => {
  const parcel = new Parcel();
  parcel.take(0, part(1, 2));
  parcel.take(1, part(3));
  assert.equal(parcel.isWhole({ parts: 2, bytes: 3 }), true);
  assert.equal(parcel.bytes, 3);
});

test("a parcel of no parts is whole where none were sent", () => {
  assert.equal(new Parcel().isWhole({ parts: 0, bytes: 0 }), true);
});

for (const [what, seqs, end] of [
  ["the first part", [1], { parts: 2, bytes: 2 }],
  ["a part in the middle", [0, 2], { parts: 3, bytes: 3 }],
  ["the last part", [0], { parts: 2, bytes: 2 }],
  ["the order", [1, 0], { parts: 2, bytes: 2 }],
  ["a part twice", [0, 0], { parts: 2, bytes: 2 }],
])
  test(`a parcel that lost ${what} is never saved`, () => {
    const parcel = new Parcel();
    seqs.forEach((seq) => parcel.take(seq, part(7)));
    assert.equal(parcel.isWhole(end), false);
  });

test("a part without its bytes is a loss", () => {
  const parcel = new Parcel();
  parcel.take(0, []);
  assert.equal(parcel.isWhole({ parts: 1, bytes: 0 }), false);
});

test("formats and sizes have names", () => {
  assert.equal(formatName("geoparquet"), "GeoParquet");
  assert.equal(formatName("toString"), "toString");
  assert.equal(sizeText(12_345_678), "12.3 MB");
  assert.equal(sizeText(1234), "1 kB");
});

test("the line that shows a job again is of use while the job may run and nobody here hears of it", () => {
  assert.equal(needsAttaching(false, true, false), false);
  assert.equal(needsAttaching(true, true, false), true);
  assert.equal(needsAttaching(false, false, false), true);
  for (const live of [true, false]) assert.equal(needsAttaching(true, live, true), false);
});
