// What the button says that cancels a job. Run with: node --test tests/widgets/
import assert from "node:assert/strict";
import { test } from "node:test";
import { cancelShown } from "../../spatial_widgets/widgets/static/cancel.js";

test("from the press to the end the button says how far it has come, and cannot be pressed twice", () => {
  assert.deepEqual(cancelShown("running", "", false, true), { text: "Cancel", disabled: false });
  assert.deepEqual(cancelShown("running", "sent", false, true), { text: "Cancel sent", disabled: true });
  assert.deepEqual(cancelShown("running", "asking", false, true), { text: "Asking the service…", disabled: true });
  assert.deepEqual(cancelShown("queued", "", true, true), { text: "Cancel waits for the start", disabled: true });
  assert.deepEqual(cancelShown("stopping", "", false, true), { text: "Cancelling…", disabled: true });
  assert.deepEqual(cancelShown("stopping", "asking", true, true), { text: "Cancelling…", disabled: true });
});

test("without a kernel it cannot be pressed", () => {
  assert.deepEqual(cancelShown("running", "", false, false), { text: "Cancel", disabled: true });
});
