// @ts-check
// What the results of a job are, once they are here, and what can be done with them.
import { copyButton } from "./copy.js";
import { make } from "./dom.js";
import { Downloads } from "./download.js";
import { count, digits, say } from "./phrases.js";
import { look } from "./preview.js";

/** One line for a result. */
export function sentence(result) {
  const { name, kind, crs } = result;
  if (result.rows === null) return say("result.value", { name, text: result.text || kind });
  const size = { rows: count("row", result.rows), columns: count("column", result.columns) };
  return say(crs ? "result.frame.crs" : "result.frame", { name, kind, crs, ...size });
}

/** A part of a view, see parts.js. */
export function results({ model, shared, view }) {
  const node = make("ul", "sw-results", { "aria-label": say("result.label") });
  const downloads = new Downloads(view);
  let drawn = []; // the lists that are shown
  let buttons = []; // those that need a kernel

  /** What can be done with a result, and what became of it. */
  const actions = ({ name, code, formats }) => {
    const line = make("div", "sw-actions");
    const told = make("span", "sw-told", { role: "status" });
    const copy = copyButton(view, say("copy.code"), () => `${model.get("fetch")}\n${code}`, (text) => say("copy.code.shown", { code: text }));
    copy.setAttribute("aria-label", say("copy.code.label", { button: say("copy.code"), name }));
    const mine = formats.map((format) => downloads.button(name, format, told));
    buttons.push(...mine);
    line.append(copy, ...mine, told);
    return line;
  };

  const item = (result, preview, isFirst) => {
    const line = make("li", "sw-result");
    line.append(make("span", "sw-sentence", { title: result.names ?? "" }, sentence(result)));
    if (preview) line.append(...[look(preview, isFirst), actions(preview)].filter(Boolean));
    return line;
  };

  const take = (message, buffers) => downloads.take(message, buffers);
  return {
    node,
    traits: ["summary", "previews", "result_total"],
    draw() {
      const [summary, previews] = [model.get("summary"), model.get("previews")];
      if (summary !== drawn[0] || previews !== drawn[1]) {
        drawn = [summary, previews];
        buttons = [];
        const found = new Map(previews.map((preview) => [preview.name, preview]));
        const left = model.get("result_total") - summary.length;
        const more = left > 0 ? [make("li", "sw-result", {}, say("result.more", { n: digits(left) }))] : [];
        node.replaceChildren(...summary.map((result, n) => item(result, found.get(result.name), n === 0)), ...more);
      }
      if (!shared.live) downloads.stop();
      for (const each of buttons) each.disabled = !shared.live || view.isSent(each);
    },
    messages: { "file-ack": take, "file-part": take, "file-end": take },
  };
}
