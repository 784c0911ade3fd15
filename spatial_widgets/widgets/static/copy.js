// @ts-check
// A button that copies a text.
import { button, copyText } from "./dom.js";
import { say } from "./phrases.js";

const COPIED_MS = 1500;

/**
 * @param {{say: (text: string) => void}} view shows the text where there is no clipboard, to be selected by hand
 * @param {string} label what the button says @param {() => string | Promise<string>} text what it copies @param {(text: string) => string} told
 */
export function copyButton(view, label, text, told) {
  const node = button(label, "sw-quiet");
  node.addEventListener("click", async () => {
    const whole = await text();
    if (await copyText(whole)) node.textContent = say("job.copied");
    else view.say(told(whole));
    setTimeout(() => (node.textContent = label), COPIED_MS);
  });
  return node;
}
