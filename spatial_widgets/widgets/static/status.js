// @ts-check
// What a status is called, how it looks, and how times are read. Pure.

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
