// @ts-check
// The making of elements. Whatever a server said goes in as text.

/** @param {string} tag @param {string} name its classes @param {Record<string, string>} attributes @param {string | null} text */
export function make(tag, name, attributes = {}, text = null) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== null) node.textContent = text;
  return node;
}

/** A button of ours: a real one, so that keyboards and screen readers know it. */
export function button(text, name = "") {
  return make("button", `sw-button ${name}`.trim(), { type: "button" }, text);
}

/** The line that opens a fold: its text keeps its own direction, the mark before it that of the page. */
export function summary(text = "") {
  const node = make("summary");
  node.append(make("span", "", {}, text));
  return node;
}

/** Set a text where it is another one: a live region speaks each time its text is set. */
export function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Put a text into the clipboard; returns whether it is there. @param {string} text */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // a page that is not secure has no clipboard of its own
  }
}

function copyBySelection(text) {
  let before = /** @type {HTMLElement | null} */ (document.activeElement);
  while (before?.shadowRoot?.activeElement) before = /** @type {HTMLElement} */ (before.shadowRoot.activeElement);
  const area = /** @type {HTMLTextAreaElement} */ (make("textarea", "sw-unseen", { readonly: "", "aria-hidden": "true" }));
  area.value = text;
  document.body.append(area);
  area.select();
  try {
    return document.execCommand("copy");
  } finally {
    area.remove();
    before?.focus();
  }
}
