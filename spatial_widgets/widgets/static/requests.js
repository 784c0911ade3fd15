// @ts-check
// The last requests about a job and their answers, for those who want to see how a job is asked for.
import { make, put, summary } from "./dom.js";
import { count, digits, say } from "./phrases.js";

const KEPT = 20;
const AT_END = 8; // pixels

/** The exchanges of one model, shared by its views; the oldest go. */
export class Requests {
  constructor() {
    this.items = /** @type {any[]} */ ([]);
    this.end = 0; // the number of the next one
  }

  /** Take those that are new. @param {number} seq the number of the first @param {any[]} items */
  take(seq, items) {
    const fresh = items.slice(Math.max(0, this.end - seq));
    this.end = Math.max(this.end, seq + items.length);
    this.items = [...this.items, ...fresh].slice(-KEPT);
  }
}

/** An answer as people read it: JSON with a line for each of its parts, anything else as it came. @param {any} item */
export function answerText({ answer, size, problem }) {
  if (problem) return problem;
  if (answer.length < size) return `${answer}…`;
  try {
    return JSON.stringify(JSON.parse(answer), null, 2);
  } catch {
    return answer;
  }
}

/** Where a request went, from the service on: what stands before that is the same for all. @param {string} path */
export function shortPath(path) {
  const parts = path.split("/");
  const service = parts.findIndex((part) => part === "GPServer");
  return service > 0 ? `…/${parts.slice(service).join("/")}` : path;
}

/** @param {any} item @param {any} shared */
function makeItem(item, shared) {
  const node = make("li", "sw-request");
  const opens = make("details", "");
  const head = make("summary", "");
  const at = new Date((item.at + shared.skew) * 1000);
  const status = item.status === null ? say("requests.none") : String(item.status);
  head.append(
    make("code", "sw-method", { title: item.path }, `${item.method} ${shortPath(item.path)}`),
    make("span", item.status === 200 ? "sw-status" : "sw-status sw-odd", {}, status),
    make("span", "sw-ms", {}, say("requests.ms", { n: digits(Math.round(item.ms)) })),
    make("time", "sw-ms", { datetime: at.toISOString() }, at.toLocaleTimeString([], { hourCycle: "h23" })),
  );
  const fields = make("ul", "sw-fields", { "aria-label": say("requests.fields") });
  for (const [name, value] of [...item.headers, ...item.fields]) {
    const field = make("li", "");
    field.append(make("b", "", {}, `${name}: `), value);
    fields.append(field);
  }
  const label = item.answer.length < item.size ? say("requests.answer.cut", { n: digits(item.size) }) : say("requests.answer");
  const answer = make("details", "");
  answer.append(summary(item.problem ? say("requests.problem") : label), make("pre", "sw-answer", { tabindex: "0" }, answerText(item)));
  opens.append(head, fields, answer);
  node.append(opens);
  return node;
}

/** A part of a view, see parts.js. */
export function requests({ model, shared }) {
  const node = make("details", "sw-requests");
  const title = summary();
  const list = make("ol", "", { "aria-label": say("requests.label") });
  node.open = true;
  node.append(title, list);
  let drawn = 0; // the number of the next one to draw
  return {
    node,
    traits: ["show_requests"],
    draw() {
      node.hidden = !model.get("show_requests");
      const { items, end } = shared.requests;
      const fresh = items.slice(items.length - Math.min(items.length, end - drawn));
      drawn = end;
      const isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < AT_END;
      list.append(...fresh.map((item) => makeItem(item, shared)));
      while (list.childElementCount > items.length) list.firstElementChild?.remove();
      if (isAtEnd && fresh.length && !list.querySelector("details[open]")) list.scrollTop = list.scrollHeight;
      put(title.firstElementChild, say("requests.title", { requests: count("request", items.length) }));
    },
  };
}
