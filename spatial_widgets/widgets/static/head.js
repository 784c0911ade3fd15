// @ts-check
// The line at the top: the badge, what job it is, how long it took, and what can be done with it.
import { cancel } from "./cancel.js";
import { button, make, put } from "./dom.js";
import { say } from "./phrases.js";
import { badge, contactShown } from "./status.js";
import { clock } from "./times.js";

const COPIED_MS = 1500;

/** A part of a view, see parts.js. */
export function head(context) {
  const { model, shared, view } = context;
  const node = make("div", "sw-head");
  const pill = make("span", "sw-badge", { role: "status", "aria-live": "polite" });
  const lost = make("span", "sw-lost"); // what it means is in the note, which is read aloud
  const times = make("span", "sw-clock", { "aria-hidden": "true" });
  const stop = cancel(context);
  const copy = button(say("job.copy"), "sw-quiet");
  node.append(pill, lost, make("span", "sw-title", {}, model.get("task_name")), times, make("span", "sw-gap"), stop.node, copy);

  const { moves, tick } = clock(model, shared, times);

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
    traits: ["lost", "moments", ...stop.traits],
    draw() {
      const { text, final } = badge(model.get("job_status"));
      put(pill, text);
      lost.textContent = contactShown(model.get("lost"), shared.live, final).mark;
      stop.draw();
      tick();
    },
    moves,
    tick,
    messages: stop.messages,
  };
}
