// @ts-check
// What is told while the results of a job are loaded.
import { button, make, put } from "./dom.js";
import { say } from "./phrases.js";

/**
 * What a view shows while results are loaded, or after somebody stopped that.
 * `said` is for screen readers, and so the same from the first byte to the last.
 * @param {{state?: string, text?: string}} loading @param {boolean} live whether there is a kernel
 */
export function loadingShown(loading, live) {
  const running = loading.state === "running" && live;
  const stopped = loading.state === "stopped";
  return { figures: running ? loading.text : "", said: running ? say("loading.said") : stopped ? loading.text : "", running, stopped };
}

/** A part of a view, see parts.js. */
export function loading({ model, shared, view }) {
  const node = make("div", "sw-loads");
  const line = make("div", "sw-loading");
  // The figures change several times a second: only what is said beside them is read aloud.
  const figures = make("span", "sw-figures", { "aria-live": "off" });
  const stop = button(say("loading.stop"));
  const said = make("div", "sw-said", { "aria-live": "polite" });
  line.append(figures, stop);
  node.append(line, said);
  stop.addEventListener("click", () => view.command(stop, say("loading.stop.sent"), "stop-loading", say("loading.stop.what")));
  return {
    node,
    traits: ["loading", "results_ready"],
    draw() {
      const shown = loadingShown(model.get("loading"), shared.live);
      view.root.dataset.resultsReady = model.get("results_ready");
      line.hidden = !shown.running;
      put(figures, shown.figures);
      said.classList.toggle("sw-unseen", !shown.stopped);
      put(said, !shown.said && said.textContent && model.get("results_ready") ? say("loading.done") : shown.said);
      if (!shown.running && view.isSent(stop)) {
        stop.disabled = false;
        stop.textContent = say("loading.stop");
        view.answered(stop);
      }
    },
  };
}
