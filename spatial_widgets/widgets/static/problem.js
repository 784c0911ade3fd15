// @ts-check
// What went wrong, and what to do next.
import { make, put } from "./dom.js";
import { say } from "./phrases.js";
import { badge } from "./status.js";

/** A part of a view, see parts.js. */
export function problem({ model, shared, view }) {
  const node = make("div", "sw-note", { role: "alert" });
  return {
    node,
    traits: ["error", "contact", "job_status", "loading"],
    draw() {
      const cold = !shared.live && !badge(model.get("job_status")).final;
      view.root.dataset.connection = cold ? "lost" : "";
      const isLoading = !shared.live && model.get("loading").state === "running";
      const lost = isLoading ? say("job.cold.loading") : cold ? say("job.cold") : "";
      put(node, [model.get("error"), model.get("contact"), view.word, lost].filter(Boolean).join("\n"));
    },
  };
}
