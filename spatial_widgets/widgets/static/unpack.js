// @ts-check
// The module of a widget, packed: Python puts the text in (_base.py), deflated and in base 64.
// Each widget unpacks its own: to share it with others of the page it would have to be kept in a global.
const packed = "PACKED";

export default async () => {
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
