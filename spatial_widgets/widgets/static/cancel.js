// @ts-check
// The button that cancels a job, and what it says from the press to the end.
import { button, put } from "./dom.js";
import { say } from "./phrases.js";
import { badge } from "./status.js";

/**
 * What the button says, and whether it can be pressed.
 * @param {string} tone of the status @param {"" | "sent" | "asking"} press how far a press of this button has come:
 *   on its way to the kernel, or from there to the service
 * @param {boolean} pending whether the kernel asks the service again later @param {boolean} live whether there is a kernel
 */
export function cancelShown(tone, press, pending, live) {
  if (tone === "stopping") return { text: say("job.cancel.stopping"), disabled: true };
  if (press) return { text: say(press === "sent" ? "job.cancel.sent" : "job.cancel.asking"), disabled: true };
  if (pending) return { text: say("job.cancel.pending"), disabled: true };
  return { text: say("job.cancel"), disabled: !live };
}

/** A part of a view, see parts.js; it stands in the line at the top. */
export function cancel({ model, shared, view }) {
  const node = button(say("job.cancel"));
  let press = /** @type {"" | "sent" | "asking"} */ ("");

  const draw = () => {
    const { tone, final } = badge(model.get("job_status"));
    const over = final || model.get("ended_at") !== null;
    if (over) press = "";
    if (over && view.isSent(node)) view.answered(node);
    const { text, disabled } = cancelShown(tone, press, model.get("cancel_pending"), shared.live);
    node.hidden = over;
    node.disabled = disabled;
    put(node, text);
    node.title = model.get("cancel_pending") && !over ? say("job.cancel.pending.why") : "";
  };
  node.addEventListener("click", () => {
    press = "sent";
    view.command(node, say("job.cancel.sent"), "cancel", say("job.cancel.what"));
  });
  return {
    node,
    traits: ["job_status", "ended_at", "cancel_pending"],
    draw,
    messages: {
      "cancel-ack": () => {
        if (press) press = "asking";
        view.answered(node);
      },
      "cancel-done": ({ problem }) => {
        press = "";
        view.say(problem);
      },
    },
  };
}
