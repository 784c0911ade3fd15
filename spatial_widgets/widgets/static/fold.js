// @ts-check
// A part that folds itself away where something else is to be read first.
import { make, put, summary } from "./dom.js";
import { digits, say } from "./phrases.js";
import { badge } from "./status.js";

/** The log of a job, open until the job ends badly: then its last errors are above, and the whole of it is folded. @param {any} log */
export const folded = (log) => (context) => {
  const { model, shared } = context;
  const part = log(context);
  const node = /** @type {HTMLDetailsElement} */ (make("details", "sw-fold"));
  const label = summary();
  node.append(label, part.node);
  node.open = true;
  let wasBad = false;
  const drawLabel = () => {
    const total = Math.max(model.get("message_total"), shared.log.end); // the one or the other is told first
    node.hidden = total === 0;
    put(label.firstElementChild, say("log.count", { n: digits(total) }));
  };
  shared.readers.add(drawLabel);
  return {
    ...part,
    node,
    traits: [...(part.traits ?? []), "job_status", "message_total"],
    draw() {
      drawLabel();
      const isBad = badge(model.get("job_status")).tone === "bad";
      if (isBad && !wasBad) node.open = false; // once: after that it is the reader's
      wasBad = isBad;
      part.draw?.();
    },
    close() {
      shared.readers.delete(drawLabel);
      part.close?.();
    },
  };
};
