// @ts-check
// A view made of parts: what each of them is, and what they share.
import { make } from "./dom.js";
import { say } from "./phrases.js";

const TICK_MS = 200;
const BUSY_MS = 1500; // a kernel that is free has answered by then

/**
 * What a part returns; all but `node` may be left out.
 * @typedef {object} Shown
 * @property {HTMLElement} node stands in the view, in the order of the parts
 * @property {string[]} [traits] those whose change it draws
 * @property {() => void} [draw] shows how things stand: at first, when one of `traits` changed, when the kernel went, and
 *   after a word or a command of the view
 * @property {() => boolean} [moves] whether time alone changes what it shows
 * @property {() => void} [tick] shows that, five times a second
 * @property {Record<string, (message: any, buffers?: DataView[]) => void>} [messages] kind of a custom message to what it does
 * @property {() => void} [close] lets go of what it holds
 */

/**
 * A part: `model` is read and sent to, never written; `shared` is what the views of one model share (`live`: whether
 * there is a kernel, `skew`: seconds that this clock is ahead of the kernel's, `log`); `view` is the one it stands in.
 * @typedef {(context: {model: any, shared: any, view: View}) => Shown} Part
 */

/** One view of a model. */
export class View {
  /** @param {any} model @param {HTMLElement} el @param {any} shared @param {HTMLElement} root @param {Part[]} parts */
  constructor(model, el, shared, root, parts) {
    this.model = model;
    this.shared = shared;
    this.root = root;
    this.word = ""; // what became of the last press of a button, as far as it needs words
    this.sent = new Map(); // button to the timer of its command
    this.parts = parts.map((part) => part({ model, shared, view: this }));
    root.append(...this.parts.map((part) => part.node));
    el.append(root);
    this.listeners = [];
    for (const part of this.parts) {
      for (const name of part.traits ?? [])
        this.listen(`change:${name}`, () => {
          part.draw?.();
          this.pace();
        });
      for (const [kind, act] of Object.entries(part.messages ?? {}))
        this.listen("msg:custom", (message, buffers) => message.kind === kind && act(message, buffers));
    }
    this.keepKeys();
    this.ticking = 0;
    this.isInSight = true;
    const look = (seen) => {
      const was = this.isInSight;
      this.isInSight = seen[seen.length - 1].isIntersecting;
      if (this.isInSight && !was) this.draw();
      else this.pace();
    };
    this.sight = new IntersectionObserver(look, { rootMargin: "500px" });
    this.sight.observe(root);
    this.draw();
  }

  listen(event, listener) {
    this.model.on(event, listener);
    this.listeners.push([event, listener]);
  }

  /** Keep keys that are pressed here from the notebook, which in command mode takes letters, arrows and Enter for itself. */
  keepKeys() {
    // Jupyter looks at what has the focus before it looks around it, and before the key gets here.
    this.root.addEventListener("focusin", ({ target }) => /** @type {Element} */ (target).setAttribute("data-lm-suppress-shortcuts", "true"));
    this.root.addEventListener("keydown", (event) => {
      if (!event.ctrlKey && !event.metaKey && !event.altKey) event.stopPropagation();
    });
  }

  /** Draw everything. */
  draw() {
    this.parts.forEach((part) => part.draw?.());
    this.pace();
  }

  /** Let time move what it moves, while it does and somebody may see it. */
  pace() {
    const moves = this.isInSight && this.parts.some((part) => part.moves?.());
    if (moves && !this.ticking) this.ticking = setInterval(() => this.parts.forEach((part) => part.tick?.()), TICK_MS);
    if (moves) return;
    clearInterval(this.ticking);
    this.ticking = 0;
  }

  /** Show a word beside what goes wrong; "" takes it away. @param {string} text */
  say(text) {
    this.word = text;
    this.draw();
  }

  /**
   * Send a command, say so on its button, and why nothing happens where the kernel does not answer.
   * @param {HTMLButtonElement} button @param {string} label what it says meanwhile @param {string} kind @param {string} what
   * @param {object} more what goes along
   */
  command(button, label, kind, what, more = {}) {
    button.disabled = true;
    button.textContent = label;
    clearTimeout(this.sent.get(button));
    this.sent.set(
      button,
      setTimeout(() => this.say(say("job.busy", { what })), BUSY_MS),
    );
    this.model.send({ kind, ...more });
  }

  /** Whether a command of this button waits for its answer. */
  isSent(button) {
    return this.sent.has(button);
  }

  /** The kernel has the command. */
  answered(button) {
    clearTimeout(this.sent.get(button));
    this.sent.delete(button);
    this.say("");
  }

  close() {
    clearInterval(this.ticking);
    this.sight.disconnect();
    this.sent.forEach(clearTimeout);
    for (const [event, listener] of this.listeners) this.model.off(event, listener);
    this.parts.forEach((part) => part.close?.());
    this.root.remove();
  }
}

/** The element that a job's view stands in. */
export function frame(model) {
  return make("div", "sw-job", { role: "group", "aria-label": say("job.label", { task: model.get("task_name") }) });
}
