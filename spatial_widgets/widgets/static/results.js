// @ts-check
// What the results of a job are, once they are here.
import { make } from "./dom.js";
import { TEXTS } from "./texts.js";

/** One line for a result. */
export function sentence(result) {
  if (result.rows === null) return `${result.name}: ${result.text || result.kind}`;
  const count = (n, thing) => `${n.toLocaleString("en-US")} ${thing}${n === 1 ? "" : "s"}`;
  const crs = result.crs ? `, ${result.crs}` : "";
  return `${result.name}: ${result.kind}, ${count(result.rows, "row")} × ${count(result.columns.length, "column")}${crs}`;
}

/** A part of a view, see parts.js. */
export function results({ model }) {
  const node = make("ul", "sw-results", { "aria-label": TEXTS.results });
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
