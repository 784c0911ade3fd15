// @ts-check
// The module of a widget, packed: Python puts the text in (_base.py), deflated and in base 64.
// Each widget unpacks its own, to share it with others of the page it would have to be kept in a global, and only for
// its first view: anywidget never again updates a model that is not ready two seconds after it came, and a page to which two
// hundred come at once has no time for more than to take them in.
const packed = "PACKED";

const unpacked = async () => {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const text = await new Response(plain).text();
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return await (await import(address)).default();
  } finally {
    URL.revokeObjectURL(address);
  }
};

// What is told once, and is heard by the code as soon as it is there and listens.
const ONCE = ["msg:custom", "comm_live_update"];

/** Keep what a model is told from now on; returns the model for the code, which tells that when somebody listens. */
const kept = (model) => {
  const keepers = ONCE.map((event) => {
    const heard = [];
    const keep = (...given) => heard.push(given);
    model.on(event, keep);
    return { event, heard, keep };
  });
  const on = (event, listener) => {
    model.on(event, listener);
    for (const { heard, keep } of keepers.filter((keeper) => keeper.event === event)) {
      model.off(event, keep);
      for (const given of heard.splice(0)) listener(...given);
    }
  };
  const bound = (name) => (typeof model[name] === "function" ? model[name].bind(model) : model[name]);
  return {
    model: new Proxy(model, { get: (_, name) => (name === "on" ? on : bound(name)) }),
    forget: () => keepers.forEach(({ event, keep }) => model.off(event, keep)),
  };
};

export default () => {
  let first, early, made, close;
  let isOver = false;
  const make = async () => {
    const widget = await unpacked();
    if (!isOver) close = await widget.initialize?.({ ...first, model: early.model });
    early.forget();
    return widget;
  };
  return {
    initialize(context) {
      first = context;
      early = kept(context.model);
      return () => {
        isOver = true;
        early.forget();
        close?.();
      };
    },
    async render(context) {
      made ??= make().catch((error) => {
        made = undefined; // the next view tries again
        throw error;
      });
      const widget = await made;
      return isOver || context.signal?.aborted ? undefined : widget.render(context);
    },
  };
};
