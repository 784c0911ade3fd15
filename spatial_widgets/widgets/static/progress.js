// @ts-check
// The bar, and the service's words beside it.
import { make, put } from "./dom.js";
import { say } from "./phrases.js";
import { badge, contactShown } from "./status.js";

/** A part of a view, see parts.js. */
export function progress({ model, shared }) {
  const node = make("div", "sw-progress");
  const bar = make("div", "sw-bar", { role: "progressbar", "aria-label": say("job.progress"), "aria-valuemin": "0", "aria-valuemax": "100" });
  const fill = make("div", "sw-fill");
  const step = make("div", "sw-step");
  bar.append(fill);
  node.append(bar, step);
  return {
    node,
    traits: ["progress", "progress_text", "job_status", "lost"],
    draw() {
      const percent = model.get("progress");
      const { tone, final } = badge(model.get("job_status"));
      const { moves } = contactShown(model.get("lost"), shared.live, final);
      bar.hidden = percent === null && (tone !== "running" || !moves);
      bar.classList.toggle("sw-unknown", percent === null);
      if (percent === null) bar.removeAttribute("aria-valuenow");
      else bar.setAttribute("aria-valuenow", String(Math.round(percent)));
      fill.style.scale = percent === null ? "" : `${percent / 100} 1`;
      put(step, model.get("progress_text"));
    },
  };
}
