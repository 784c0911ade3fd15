// @ts-check
// The line at the top: the badge, what job it is, how long it took, and what can be done with it.
import { button, make, put } from "./dom.js";
import { say } from "./phrases.js";
import { badge, contactShown } from "./status.js";
import { clock } from "./times.js";

const COPIED_MS = 1500;

/** A part of a view, see parts.js. */
export function head({ model, shared, view }) {
  const node = make("div", "sw-head");
  const pill = make("span", "sw-badge", { role: "status", "aria-live": "polite" });
  const lost = make("span", "sw-lost"); // what it means is in the note, which is read aloud
  const times = make("span", "sw-clock", { "aria-hidden": "true" });
  const cancel = button(say("job.cancel"));
  const copy = button(say("job.copy"), "sw-quiet");
  node.append(pill, lost, make("span", "sw-title", {}, model.get("task_name")), times, make("span", "sw-gap"), cancel, copy);

  const { moves, tick } = clock(model, shared, times);

  cancel.addEventListener("click", () => view.command(cancel, say("job.cancel.sent"), "cancel", say("job.cancel.what")));
  copy.addEventListener("click", async () => {
    const url = model.get("job_url");
    try {
      await navigator.clipboard.writeText(url);
      copy.textContent = say("job.copied");
    } catch {
      view.say(say("job.url", { url })); // no clipboard here: show it, to be selected by hand
    }
    setTimeout(() => (copy.textContent = say("job.copy")), COPIED_MS);
  });

  return {
    node,
    traits: ["job_status", "ended_at", "lost", "moments"],
    draw() {
      const { text, tone, final } = badge(model.get("job_status"));
      put(pill, text);
      lost.textContent = contactShown(model.get("lost"), shared.live, final).mark;
      const over = final || model.get("ended_at") !== null;
      if (over && view.isSent(cancel)) view.answered(cancel);
      cancel.hidden = over;
      cancel.disabled = tone === "stopping" || view.isSent(cancel) || !shared.live;
      tick();
    },
    moves,
    tick,
    messages: {
      "cancel-ack": () => view.answered(cancel, false),
      "cancel-done": ({ problem }) => {
        view.answered(cancel);
        cancel.textContent = say("job.cancel");
        view.say(problem);
      },
    },
  };
}
