// @ts-check
// A look into one result: its picture and its first rows.
import { make, summary } from "./dom.js";
import { say } from "./phrases.js";

/** A picture that the kernel made; nothing else is taken for one. What a preview has not is not in it. @param {any} preview */
function picture({ name, picture = "", pictureCaption: caption = "", width, height }) {
  const node = make("figure", "sw-picture");
  if (picture.startsWith("data:image/svg+xml;base64,")) {
    const alt = say("picture.alt", { name, caption });
    node.append(make("img", "", { src: picture, alt, width: String(width), height: String(height) }));
  }
  if (caption) node.append(make("figcaption", "", {}, caption));
  node.hidden = !node.childNodes.length;
  return node;
}

function heading([name, type]) {
  const node = make("th", "", { scope: "col" }, name);
  node.append(make("span", "sw-type", {}, type));
  return node;
}

function table({ name, columns = [], rows = [], caption }) {
  // Wider than the page perhaps: whoever has no mouse scrolls it with the keys.
  const node = make("div", "sw-rows", { role: "group", "aria-label": say("preview.table", { name }), tabindex: "0" });
  node.hidden = !columns.length;
  if (node.hidden) return node;
  const sheet = make("table");
  const head = make("tr");
  head.append(...columns.map(heading));
  const body = make("tbody");
  for (const row of rows) {
    const line = make("tr");
    line.append(...row.map((cell) => make("td", "", {}, cell)));
    body.append(line);
  }
  const top = make("thead");
  top.append(head);
  sheet.append(make("caption", "", {}, caption), top, body);
  node.append(sheet);
  return node;
}

/** What can be seen of a result, folded unless `open`; null where that is nothing. @param {any} preview @param {boolean} open */
export function look(preview, open) {
  if (!preview.columns && !preview.pictureCaption) return null;
  const node = make("details", "sw-look");
  node.open = open;
  node.append(summary(say("preview.look", { name: preview.name })), picture(preview), table(preview));
  return node;
}
