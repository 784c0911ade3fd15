// @ts-check
// The view of one job. Reads the model, never writes it; whatever a server said goes in as text.

/** Status to [text, tone]; view.py holds the same table for pages without a kernel. */
export const BADGES = {
  esriJobNew: ["New", "queued"],
  esriJobSubmitted: ["Submitted", "queued"],
  esriJobWaiting: ["Waiting", "queued"],
  esriJobExecuting: ["Executing", "running"],
  esriJobSucceeded: ["Succeeded", "good"],
  esriJobFailed: ["Failed", "bad"],
  esriJobTimedOut: ["Timed out", "bad"],
  esriJobCancelling: ["Cancelling", "stopping"],
  esriJobCancelled: ["Cancelled", "stopped"],
  esriJobDeleting: ["Deleting", "stopping"],
  esriJobDeleted: ["Deleted", "stopped"],
  expectedFailure: ["Expected failure", "bad"],
};

const FINAL = new Set(["good", "bad", "stopped"]);
const REPLY = 2000; // lines the kernel sends at once when asked
const STOP = "Stop loading";

/** Stands beside the badge, which goes on to tell the last status that is known; view.py says the same. */
export const LOST = "Lost contact";

/** @param {string} status a wire value */
export function badge(status) {
  const known = Object.hasOwn(BADGES, status) ? BADGES[status] : [status, "running"];
  return { text: known[0], tone: known[1], final: FINAL.has(known[1]) };
}

/**
 * What a view makes of lost contact: the mark beside the badge, and whether time and bar may move.
 * @param {boolean} lost whether the kernel has no contact to the service
 * @param {boolean} live whether there is a kernel @param {boolean} final whether the status can change no more
 */
export function contactShown(lost, live, final) {
  return { mark: lost && !final ? LOST : "", moves: live && !final && !lost };
}

/** Seconds as people read them. @param {number} seconds */
export function elapsed(seconds) {
  const s = Math.max(0, seconds);
  if (s < 60) return `${s.toFixed(1)} s`;
  const whole = Math.floor(s);
  const two = (n) => String(n).padStart(2, "0");
  const [h, m] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return h ? `${h}:${two(m)}:${two(whole % 60)} h` : `${m}:${two(whole % 60)} min`;
}

/** One line for a result. */
export function sentence(result) {
  if (result.rows === null) return `${result.name}: ${result.text || result.kind}`;
  const count = (n, thing) => `${n.toLocaleString("en-US")} ${thing}${n === 1 ? "" : "s"}`;
  const crs = result.crs ? `, ${result.crs}` : "";
  return `${result.name}: ${result.kind}, ${count(result.rows, "row")} × ${count(result.columns.length, "column")}${crs}`;
}

/**
 * What a view shows while results are loaded, or after somebody stopped that.
 * `said` is for screen readers, and so the same from the first byte to the last.
 * @param {{state?: string, text?: string}} loading @param {boolean} live whether there is a kernel
 */
export function loadingShown(loading, live) {
  const running = loading.state === "running" && live;
  const stopped = loading.state === "stopped";
  return { figures: running ? loading.text : "", said: running ? "Loading the results" : stopped ? loading.text : "", running, stopped };
}

/**
 * The message log of one model, shared by its views: append-only, healed where a message was lost.
 * Lines are [level, text]; `first` is the number of the first line held here.
 */
export class Log {
  constructor(tail, total, ask) {
    this.lines = [...tail];
    this.first = this.lines.length ? Math.max(0, total - this.lines.length) : 0;
    this.ask = ask;
    this.asked = -1;
  }

  get end() {
    return this.first + this.lines.length;
  }

  /** Take a batch; returns whether anything new came. */
  take(seq, lines) {
    if (seq > this.end) {
      this.expect(seq + lines.length);
      return false;
    }
    const fresh = lines.slice(this.end - seq);
    this.lines.push(...fresh);
    if (this.asked < this.end) this.asked = -1;
    if (lines.length === REPLY) this.ask(this.end);
    return fresh.length > 0;
  }

  /** The kernel holds `total` lines: ask for those that did not come, once per gap. */
  expect(total) {
    if (total > this.end && this.asked !== this.end) {
      this.asked = this.end;
      this.ask(this.end);
    }
  }
}

export function make(tag, name, attributes = {}, text = null) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== null) node.textContent = text;
  return node;
}

/** Everything one view is made of, in reading order. */
function build(model) {
  const task = model.get("task_name");
  const root = make("div", "sw-job", { role: "group", "aria-label": `${task} job` });
  const head = make("div", "sw-head");
  const title = make("span", "sw-title", {}, task);
  const pill = make("span", "sw-badge", { role: "status", "aria-live": "polite" });
  const lost = make("span", "sw-lost", {}); // what it means is in the note, which is read aloud
  const clock = make("span", "sw-clock", { "aria-hidden": "true" });
  const cancel = make("button", "sw-button", { type: "button" }, "Cancel");
  const copy = make("button", "sw-button sw-quiet", { type: "button" }, "Copy job URL");
  const bar = make("div", "sw-bar", { role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" });
  const fill = make("div", "sw-fill");
  const step = make("div", "sw-step");
  // The figures change several times a second: only what is said beside them is read aloud.
  const loading = make("div", "sw-loading");
  const figures = make("span", "sw-figures", { "aria-live": "off" });
  const stop = make("button", "sw-button", { type: "button" }, STOP);
  const said = make("div", "sw-said", { "aria-live": "polite" });
  const note = make("div", "sw-note", { role: "alert" });
  const results = make("ul", "sw-results", { "aria-label": "Results" });
  const log = make("div", "sw-log", { role: "log", "aria-live": "off", "aria-label": "Messages", tabindex: "0" });
  const id = make("div", "sw-id", {}, `job ${model.get("job_id")}`);
  bar.append(fill);
  head.append(pill, lost, title, clock, make("span", "sw-gap"), cancel, copy);
  loading.append(figures, stop);
  root.append(head, bar, step, loading, said, note, results, log, id);
  return { root, pill, lost, clock, cancel, copy, bar, fill, step, loading, figures, stop, said, note, results, log };
}

function logLine([level, text]) {
  const line = make("div", `sw-line sw-${level}`);
  if (level !== "informative") line.append(make("span", "sw-level", {}, level === "error" ? "Error: " : "Warning: "));
  line.append(document.createTextNode(text));
  return line;
}

/** @param {{model: any, el: HTMLElement}} context @param {any} shared what the views of this model share */
function render({ model, el }, shared) {
  const ui = build(model);
  el.append(ui.root);
  let shown = 0;
  let frame = 0;
  let ack = 0;
  let clickNote = "";
  let follows = true; // the end of the log, until the reader scrolls up

  const drawLog = () => {
    frame = 0;
    const { log } = ui;
    if (!log.isConnected) return sayLog(); // no heights yet to scroll by
    log.append(...shared.log.lines.slice(shown).map(logLine));
    shown = shared.log.lines.length;
    log.hidden = shown === 0;
    if (follows) log.scrollTop = log.scrollHeight;
  };
  const sayLog = () => {
    if (!frame) frame = requestAnimationFrame(drawLog);
  };

  const drawNote = () => {
    const cold = !shared.live && !badge(model.get("job_status")).final;
    ui.root.dataset.connection = cold ? "lost" : "";
    let lost = cold ? "Connection to the kernel was lost. The job goes on at the service; show it again with JobWidget.from_url(…)." : "";
    if (!shared.live && model.get("loading").state === "running")
      lost = "Connection to the kernel was lost while the results were loaded. Show the job again with JobWidget.from_url(…).";
    const texts = [model.get("error"), model.get("contact"), clickNote, lost];
    ui.note.textContent = texts.filter(Boolean).join("\n");
  };

  const drawStatus = () => {
    const status = model.get("job_status");
    const { text, tone, final } = badge(status);
    ui.root.dataset.jobStatus = status;
    ui.root.dataset.tone = tone;
    // Set only on change: a live region speaks each time its text is set.
    if (ui.pill.textContent !== text) ui.pill.textContent = text;
    const { mark } = contactShown(model.get("lost"), shared.live, final);
    ui.root.dataset.contact = mark ? "lost" : "";
    ui.lost.textContent = mark;
    const over = final || model.get("ended_at") !== null;
    ui.cancel.hidden = over;
    ui.cancel.disabled = tone === "stopping" || !shared.live;
    if (over && !ui.stop.disabled) answered();
    drawNote();
    drawProgress();
    drawLoading();
    drawClock();
  };

  const drawProgress = () => {
    const percent = model.get("progress");
    const { tone, final } = badge(model.get("job_status"));
    const { moves } = contactShown(model.get("lost"), shared.live, final);
    ui.bar.hidden = percent === null && (tone !== "running" || !moves);
    ui.bar.classList.toggle("sw-unknown", percent === null);
    if (percent === null) ui.bar.removeAttribute("aria-valuenow");
    else ui.bar.setAttribute("aria-valuenow", String(Math.round(percent)));
    ui.fill.style.width = percent === null ? "" : `${percent}%`;
    ui.root.dataset.resultsReady = model.get("results_ready");
    ui.step.textContent = model.get("progress_text");
  };

  const drawLoading = () => {
    const { figures, said, running, stopped } = loadingShown(model.get("loading"), shared.live);
    ui.loading.hidden = !running;
    ui.figures.textContent = figures;
    ui.said.classList.toggle("sw-unseen", !stopped);
    const text = !said && ui.said.textContent && model.get("results_ready") ? "The results are loaded" : said;
    if (ui.said.textContent !== text) ui.said.textContent = text;
    if (!running && ui.stop.disabled) {
      ui.stop.disabled = false;
      ui.stop.textContent = STOP;
      answered();
      drawNote();
    }
  };

  const drawClock = () => {
    const { final } = badge(model.get("job_status"));
    if (model.get("ended_at") === null && !contactShown(model.get("lost"), shared.live, final).moves) return;
    const now = model.get("ended_at") ?? Date.now() / 1000 - shared.skew;
    ui.clock.textContent = elapsed(now - model.get("started_at"));
  };

  const drawResults = () => {
    ui.results.replaceChildren(...model.get("summary").map((r) => make("li", "", { title: r.columns.join(", ") }, sentence(r))));
  };

  const answered = () => {
    clearTimeout(ack);
    clickNote = "";
  };
  /** Send a command, say so on its button, and why nothing happens where the kernel does not answer. */
  const command = (button, label, kind, what) => {
    button.disabled = true;
    button.textContent = label;
    ack = setTimeout(() => {
      clickNote = `The kernel is busy with a cell: the ${what} is handled when the cell ends. Interrupt the kernel to stop the cell now.`;
      drawNote();
    }, 1500);
    model.send({ kind });
  };

  const onCustom = (message) => {
    if (message.kind === "cancel-ack") {
      answered();
      drawNote();
    } else if (message.kind === "cancel-done") {
      ui.cancel.disabled = badge(model.get("job_status")).tone === "stopping";
      ui.cancel.textContent = "Cancel";
      clickNote = message.problem;
      drawNote();
    }
  };

  ui.log.addEventListener("scroll", () => {
    follows = ui.log.scrollHeight - ui.log.scrollTop - ui.log.clientHeight < 8;
  });
  ui.cancel.addEventListener("click", () => command(ui.cancel, "Cancel sent", "cancel", "cancel"));
  ui.stop.addEventListener("click", () => command(ui.stop, "Stop sent", "stop-loading", "stop"));
  ui.copy.addEventListener("click", async () => {
    const url = model.get("job_url");
    try {
      await navigator.clipboard.writeText(url);
      ui.copy.textContent = "Copied";
    } catch {
      clickNote = `Job URL: ${url}`; // no clipboard here: show it, to be selected by hand
      drawNote();
    }
    setTimeout(() => (ui.copy.textContent = "Copy job URL"), 1500);
  });

  const listeners = {
    "change:job_status": drawStatus,
    "change:ended_at": drawStatus,
    "change:progress": drawProgress,
    "change:progress_text": drawProgress,
    "change:results_ready": drawStatus,
    "change:loading": drawLoading,
    "change:error": drawStatus,
    "change:lost": drawStatus,
    "change:contact": drawNote,
    "change:summary": drawResults,
    "msg:custom": onCustom,
  };
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  shared.views.add(sayLog);
  shared.liveViews.add(drawStatus);
  const ticking = setInterval(drawClock, 200);
  drawStatus();
  drawResults();
  sayLog();

  return () => {
    clearInterval(ticking);
    clearTimeout(ack);
    cancelAnimationFrame(frame);
    shared.views.delete(sayLog);
    shared.liveViews.delete(drawStatus);
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
    ui.root.remove();
  };
}

// A factory: what it closes over is shared by the views of one model, and by nothing else.
export default () => {
  const shared = { log: new Log([], 0, () => {}), views: new Set(), liveViews: new Set(), live: true, skew: 0 };
  return {
    initialize({ model }) {
      shared.log = new Log(model.get("message_tail"), model.get("message_total"), (seq) => model.send({ kind: "log-from", seq }));
      const onCustom = (message) => {
        if (message.kind === "now") shared.skew = Date.now() / 1000 - message.now;
        if (message.kind === "log" && shared.log.take(message.seq, message.lines)) shared.views.forEach((draw) => draw());
      };
      const onTotal = () => shared.log.expect(model.get("message_total"));
      const onLive = () => {
        shared.live = false;
        shared.liveViews.forEach((draw) => draw());
      };
      model.on("msg:custom", onCustom);
      model.on("change:message_total", onTotal);
      model.on("comm_live_update", onLive);
      model.send({ kind: "hello" });
      shared.log.expect(model.get("message_total"));
      return () => {
        model.off("msg:custom", onCustom);
        model.off("change:message_total", onTotal);
        model.off("comm_live_update", onLive);
      };
    },
    render: (context) => render(context, shared),
  };
};
