// @ts-check
// The view of one job: its parts, and what the views of one model share.
import { make } from "./dom.js";
import { folded } from "./fold.js";
import { head } from "./head.js";
import { loading } from "./loading.js";
import { Log } from "./log.js";
import { log } from "./logview.js";
import { nextSteps } from "./nextsteps.js";
import { View, frame } from "./parts.js";
import { say } from "./phrases.js";
import { problem } from "./problem.js";
import { progress } from "./progress.js";
import { Requests, requests } from "./requests.js";
import { results } from "./results.js";
import { badge, contactShown } from "./status.js";
import { timeline } from "./times.js";

/** What the job is called, and the marks on the frame that style sheets and tests go by. A part of a view, see parts.js. */
function id({ model, shared, view }) {
  return {
    node: make("div", "sw-id", {}, say("job.id", { id: model.get("job_id") })),
    traits: ["job_status", "lost"],
    draw() {
      const { tone, final } = badge(model.get("job_status"));
      view.root.dataset.jobStatus = model.get("job_status");
      view.root.dataset.tone = tone;
      view.root.dataset.contact = contactShown(model.get("lost"), shared.live, final).mark ? "lost" : "";
    },
  };
}

/** In reading order. */
const PARTS = [head, progress, timeline, loading, problem, nextSteps, results, folded(log), requests, id];

const QUIET_MS = 2000;
const AGAIN_MS = 5000; // an answer may be lost as well

// A factory: what it closes over is shared by the views of one model, and by nothing else.
export default () => {
  const shared = { log: new Log([], 0, () => {}), requests: new Requests(), readers: new Set(), views: new Set(), live: true, skew: 0 };
  return {
    initialize({ model }) {
      let quiet = 0;
      shared.log = new Log(model.get("message_tail"), model.get("message_total"), (seq) => model.send({ kind: "log-from", seq }));
      const onCustom = (message) => {
        if (message.kind === "now") {
          shared.skew = Date.now() / 1000 - message.now;
          shared.log.renew();
        }
        if (message.kind === "requests") {
          shared.requests.take(message.seq, message.items);
          shared.views.forEach((view) => view.draw());
        }
        if (message.kind !== "log") return;
        if (shared.log.take(message.seq, message.lines, message)) shared.readers.forEach((draw) => draw());
        onTotal();
      };
      // Lines may be on their way when their number is told: only after a while something is missing.
      const onTotal = (wait = QUIET_MS) => {
        shared.log.total = Math.max(shared.log.total, model.get("message_total"));
        clearTimeout(quiet);
        if (shared.log.total > shared.log.end) quiet = setTimeout(() => shared.live && shared.log.expectAgain() && onTotal(AGAIN_MS), wait);
      };
      const onMore = () => onTotal();
      const onLive = () => {
        shared.live = false;
        shared.views.forEach((view) => view.draw());
      };
      model.on("msg:custom", onCustom);
      model.on("change:message_total", onMore);
      model.on("comm_live_update", onLive);
      model.send({ kind: "hello" });
      shared.log.expect(model.get("message_total"));
      return () => {
        model.off("msg:custom", onCustom);
        model.off("change:message_total", onMore);
        clearTimeout(quiet);
        model.off("comm_live_update", onLive);
      };
    },
    render({ model, el }) {
      const view = new View(model, el, shared, frame(model), PARTS);
      shared.views.add(view);
      return () => {
        shared.views.delete(view);
        view.close();
      };
    },
  };
};
