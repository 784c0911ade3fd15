// @ts-check
// How long a job waited and ran, as far as polls saw it, and the line of its statuses. times.py says the same.
import { make, put } from "./dom.js";
import { say } from "./phrases.js";
import { TONES, badge, contactShown, elapsed } from "./status.js";

/**
 * Seconds that a job waited and ran, absent where that is not known; `least` where nobody saw the beginning.
 * @param {[string, number][]} moments each status with the second when it was first seen
 * @param {boolean} isNew whether they begin with the submit @param {number} until the end, or now
 * @returns {{waited?: number, ran?: number, total?: number, least: boolean}}
 */
export function spans(moments, isNew, until) {
  const least = !isNew;
  const [status, first] = moments[0];
  const begun = moments.find(([word]) => word === "esriJobExecuting")?.[1];
  if (begun !== undefined) {
    const ran = Math.max(0, until - begun);
    return begun === first && least ? { ran, least } : { waited: Math.max(0, begun - first), ran, least };
  }
  const lasted = Math.max(0, until - first);
  const last = moments[moments.length - 1][0];
  if (Object.hasOwn(TONES, last) && TONES[last] === "queued") return { waited: lasted, least };
  if (moments.length === 1 && badge(status).final) return { least }; // it was over when it was first seen
  return { total: lasted, least };
}

/** The spans as people read them. @param {ReturnType<typeof spans>} told */
export function spansText(told) {
  const kind = told.least ? "least." : "";
  const names = ["waited", "ran", "total"].filter((name) => told[name] !== undefined);
  return names.map((name) => say(`time.span.${kind}${name}`, { time: elapsed(told[name]) })).join(", ");
}

/** What stands in the line of statuses. @param {[string, number][]} moments @param {boolean} isNew */
export function stations(moments, isNew) {
  return moments.map(([status, at], number) => {
    const after = isNew ? say("time.plus", { time: elapsed(at - moments[0][1]) }) : number ? "" : say("time.seen.first");
    return { word: badge(status).text, tone: badge(status).tone, at, after };
  });
}

/** The clock beside the title; a part's `tick`. @param {any} model @param {any} shared @param {HTMLElement} node */
export function clock(model, shared, node) {
  const moves = () => model.get("ended_at") === null && contactShown(model.get("lost"), shared.live, badge(model.get("job_status")).final).moves;
  const tick = () => {
    if (model.get("ended_at") === null && !moves()) return;
    const until = model.get("ended_at") ?? Date.now() / 1000 - shared.skew;
    put(node, spansText(spans(model.get("moments"), model.get("is_new"), until)));
  };
  return { moves, tick };
}

/** A part of a view, see parts.js. */
export function timeline({ model, shared }) {
  const node = make("ol", "sw-timeline", { "aria-label": say("time.label"), title: say("time.note") });
  return {
    node,
    traits: ["moments"],
    draw() {
      const items = stations(model.get("moments"), model.get("is_new")).map(({ word, tone, at, after }) => {
        const when = new Date((at + shared.skew) * 1000); // by this machine's clock
        const item = make("li", "sw-station", { "data-tone": tone });
        const time = make("time", "", { datetime: when.toISOString(), title: when.toLocaleString() }, when.toLocaleTimeString([], { hourCycle: "h23" }));
        item.append(make("span", "sw-dot", { "aria-hidden": "true" }), make("span", "sw-word", {}, word), " ", time, " ", make("span", "sw-after", {}, after));
        return item;
      });
      node.replaceChildren(...items);
    },
  };
}
