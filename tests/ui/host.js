// A host of widgets that does what the specification of anywidget's front-end modules asks of one, and nothing that
// Jupyter adds to it (https://anywidget.dev/en/afm/): one module of its own for each model, several views, cleanup.
(() => {
  const frozen = (value) => {
    if (value && typeof value === "object") Object.values(Object.freeze(value)).forEach(frozen);
    return value;
  };

  class Model {
    constructor(state) {
      this.state = frozen(structuredClone(state));
      this.listeners = new Map();
      this.sent = [];
      this.bytes = new Map(); // number of a message to what went along with it
    }
    get(name) {
      if (!Object.hasOwn(this.state, name)) throw new Error(`the model has no ${name}`);
      return this.state[name];
    }
    set(name) {
      throw new Error(`a view writes ${name}`);
    }
    save_changes() {
      throw new Error("a view writes");
    }
    on(event, listener) {
      if (!this.listeners.has(event)) this.listeners.set(event, new Set());
      this.listeners.get(event).add(listener);
    }
    off(event, listener) {
      this.listeners.get(event)?.delete(listener);
    }
    send(content, _callbacks, buffers = []) {
      this.sent.push(structuredClone(content));
      this.bytes.set(this.sent.length - 1, buffers.map((buffer) => [...new Uint8Array(buffer)]));
    }
    // ------------------------------------------------------------ the kernel's side
    fire(event, ...values) {
      for (const listener of [...(this.listeners.get(event) ?? [])]) listener(...values);
    }
    take(changes) {
      this.state = frozen({ ...this.state, ...structuredClone(changes) });
      for (const name of Object.keys(changes)) this.fire(`change:${name}`);
    }
    tell(message) {
      this.fire("msg:custom", frozen(structuredClone(message)), []);
    }
    get listening() {
      return [...this.listeners.values()].reduce((sum, each) => sum + each.size, 0);
    }
  }

  /** One widget: its model, its module, its views. */
  class Widget {
    constructor(state) {
      this.model = new Model(state);
      this.views = [];
    }
    async open(source, css) {
      const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
      const module = await import(address);
      URL.revokeObjectURL(address);
      this.exports = Object.keys(module);
      this.css = css;
      const widget = typeof module.default === "function" ? await module.default() : module.default;
      this.widget = widget;
      this.cleanup = await widget.initialize?.({ model: this.model });
    }
    /** Show one more view in an element, in a shadow root as marimo does or in the page as Jupyter does; `late` it comes there when it is drawn. */
    async show(place, shadow, late) {
      const root = shadow ? place.attachShadow({ mode: "open" }) : place;
      if (this.css) {
        const sheet = new CSSStyleSheet();
        sheet.replaceSync(this.css);
        const scope = shadow ? root : document;
        scope.adoptedStyleSheets = [...scope.adoptedStyleSheets, sheet];
      }
      const el = document.createElement("div");
      if (!late) root.append(el);
      const cleanup = await this.widget.render({ model: this.model, el });
      if (late) root.append(el); // as Jupyter does
      this.views.push({ place, el, cleanup });
    }
    async hide(index) {
      const [{ cleanup, place }] = this.views.splice(index, 1);
      await cleanup?.();
      place.closest("section").remove();
    }
    async close() {
      while (this.views.length) await this.hide(0);
      await this.cleanup?.();
    }
  }

  const wrong = [];
  addEventListener("securitypolicyviolation", (event) => wrong.push(`${event.violatedDirective} ${event.sourceFile}:${event.lineNumber} ${event.sample}`));
  addEventListener("error", (event) => wrong.push(`${event.message} ${event.filename}:${event.lineno}`));
  addEventListener("unhandledrejection", (event) => wrong.push(String(event.reason?.stack ?? event.reason)));
  window.host = { Widget, widgets: {}, wrong, globals: new Set(Reflect.ownKeys(globalThis)) };
})();
