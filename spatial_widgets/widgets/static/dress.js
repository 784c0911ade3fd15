// @ts-check
// The style of a widget, put where it is seen: once in a page, or in a shadow root, however many widgets there are.

const MARK = Symbol.for("spatial_widgets.style"); // on a sheet of ours: its text

/** Where a sheet of an element belongs; of one that is in no page yet, the page that it was made for. @param {Element} el */
function place(el) {
  const root = /** @type {any} */ (el.getRootNode());
  return "adoptedStyleSheets" in root ? root : el.ownerDocument;
}

/** Have these style sheets, in their order, where an element is. @param {Element} el @param {string[]} texts */
export function dress(el, texts) {
  const root = place(el);
  const known = new Set([...root.adoptedStyleSheets].map((sheet) => sheet[MARK]));
  for (const text of texts) {
    if (known.has(text)) continue;
    // Made, not written into the page: a strict page refuses that, and no request is needed.
    const sheet = /** @type {any} */ (new (root.ownerDocument ?? root).defaultView.CSSStyleSheet());
    sheet.replaceSync(text);
    sheet[MARK] = text;
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
  }
}

/** A widget whose views bring their style along. @param {() => any} factory @param {string[]} texts of style sheets */
export const dressed = (factory, texts) => () => {
  const widget = factory();
  return {
    ...widget,
    render(context) {
      const { el } = context;
      dress(el, texts);
      // An element that is not in the page may come into a shadow root: that is known when it has a size.
      const sizes = new ResizeObserver(() => {
        sizes.disconnect();
        dress(el, texts);
      });
      if (!el.isConnected) sizes.observe(el);
      return widget.render(context);
    },
  };
};
