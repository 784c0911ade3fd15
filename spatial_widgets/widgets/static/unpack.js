// @ts-check
// The module of a widget, packed: Python puts the text in (_base.py), deflated and in base 64.
const packed = "PACKED";

// Widgets of the same code share its module: two hundred of them need not have it read, and made quick, as often.
const known = (globalThis[Symbol.for("spatial-widgets.modules")] ??= new Map());

const unpacked = async () => {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const text = await new Response(plain).text();
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return await import(address);
  } catch (error) {
    known.delete(packed); // the next one tries again
    throw error;
  } finally {
    URL.revokeObjectURL(address);
  }
};

export default async () => {
  if (!known.has(packed)) known.set(packed, unpacked());
  return (await known.get(packed)).default();
};
