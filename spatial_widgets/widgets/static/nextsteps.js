// @ts-check
// What to do next: after a failure, and where a job must be attached to again.
import { copyButton } from "./copy.js";
import { make, put } from "./dom.js";
import { say } from "./phrases.js";
import { badge, contactShown } from "./status.js";

/** Whether the line that shows the job again is of use now. @param {boolean} lost @param {boolean} live @param {boolean} final */
export function needsAttaching(lost, live, final) {
  return !final && (!live || contactShown(lost, live, final).mark !== "");
}

/** A part of a view, see parts.js. */
export function nextSteps({ model, shared, view }) {
  const node = make("div", "sw-next");
  const label = make("div", "sw-next-label", {}, say("advice.label"));
  const steps = make("ul", "sw-steps");
  const attach = make("div", "sw-attach");
  const line = make("code", "");
  const copy = copyButton(view, say("attach.copy"), () => model.get("attach"), (text) => text);
  attach.append(make("div", "", {}, say("attach.label")), line, copy);
  node.append(label, steps, attach);
  let drawn = null;
  return {
    node,
    traits: ["advice", "attach", "lost", "job_status"],
    draw() {
      const advice = model.get("advice");
      const isCold = !shared.live && model.get("loading").state === "running";
      attach.hidden = !isCold && !needsAttaching(model.get("lost"), shared.live, badge(model.get("job_status")).final);
      put(line, model.get("attach"));
      label.hidden = steps.hidden = !advice.length;
      if (advice !== drawn) steps.replaceChildren(...advice.map((step) => make("li", "", {}, step)));
      drawn = advice;
    },
  };
}
