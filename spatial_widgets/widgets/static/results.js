// @ts-check
// What the results of a job are, once they are here.
import { make } from "./dom.js";
import { count, say } from "./phrases.js";

/** One line for a result. */
export function sentence(result) {
  const { name, kind, crs } = result;
  if (result.rows === null) return say("result.value", { name, text: result.text || kind });
  const size = { rows: count("row", result.rows), columns: count("column", result.columns.length) };
  return say(crs ? "result.frame.crs" : "result.frame", { name, kind, crs, ...size });
}

/** A part of a view, see parts.js. */
export function results({ model }) {
  const node = make("ul", "sw-results", { "aria-label": say("result.label") });
  let drawn = null; // the list that is shown
  return {
    node,
    traits: ["summary"],
    draw() {
      const summary = model.get("summary");
      if (summary === drawn) return;
      drawn = summary;
      node.replaceChildren(...summary.map((r) => make("li", "", { title: r.columns.join(", ") }, sentence(r))));
    },
  };
}
