// @ts-check
// What a status is called, how it looks, and how times are read. Pure.
import { say } from "./phrases.js";

/** The tone decides the colour, the word always stands beside it; view.py holds the same for pages without a kernel. */
export const TONES = {
  esriJobNew: "queued",
  esriJobSubmitted: "queued",
  esriJobWaiting: "queued",
  esriJobExecuting: "running",
  esriJobSucceeded: "good",
  esriJobFailed: "bad",
  esriJobTimedOut: "bad",
  esriJobCancelling: "stopping",
  esriJobCancelled: "stopped",
  esriJobDeleting: "stopping",
  esriJobDeleted: "stopped",
  expectedFailure: "bad",
};

const FINAL = new Set(["good", "bad", "stopped"]);

/** Stands beside the badge, which goes on to tell the last status that is known; view.py says the same. */
export const LOST = say("job.lost");

/** @param {string} status a wire value */
export function badge(status) {
  const isKnown = Object.hasOwn(TONES, status);
  const tone = isKnown ? TONES[status] : "running";
  return { text: isKnown ? say(`status.${status}`) : status, tone, final: FINAL.has(tone) };
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
  if (s < 60) return say("time.seconds", { s: s.toFixed(1) });
  const whole = Math.floor(s);
  const two = (n) => String(n).padStart(2, "0");
  const [h, m] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return h ? say("time.hours", { time: `${h}:${two(m)}:${two(whole % 60)}` }) : say("time.minutes", { time: `${m}:${two(whole % 60)}` });
}
