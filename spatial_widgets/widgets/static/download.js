// @ts-check
// A file that comes through the kernel: asked for with a ticket, taken part by part, saved when it is whole.
import { button, make, put } from "./dom.js";
import { say } from "./phrases.js";

const KEPT_MS = 60_000; // the browser reads the file after the click

const NAMES = {
  geoparquet: "download.geoparquet",
  parquet: "download.parquet",
  geojson: "download.geojson",
  csv: "download.csv",
  file: "download.file",
};

/** What a format is called. @param {string} format */
export function formatName(format) {
  return Object.hasOwn(NAMES, format) ? say(NAMES[format]) : format;
}

/** Bytes as people read them. @param {number} bytes */
export function sizeText(bytes) {
  return bytes >= 1e6 ? say("loading.mb", { n: (bytes / 1e6).toFixed(1) }) : say("loading.kb", { n: (bytes / 1e3).toFixed(0) });
}

/** The parts of one file, in the order in which they were sent. */
export class Parcel {
  constructor() {
    this.parts = [];
    this.bytes = 0;
    this.torn = false;
  }

  /** @param {number} seq @param {DataView[]} buffers */
  take(seq, buffers) {
    this.torn ||= seq !== this.parts.length || buffers.length !== 1;
    if (this.torn) return;
    this.parts.push(buffers[0]);
    this.bytes += buffers[0].byteLength;
  }

  /** Whether nothing is missing. @param {{parts: number, bytes: number}} end */
  isWhole(end) {
    return !this.torn && this.parts.length === end.parts && this.bytes === end.bytes;
  }
}

function save(file, type, parts) {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = make("a", "", { href: url, download: file });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}

/** The downloads of one view: its buttons, and the messages that belong to them. */
export class Downloads {
  /** @param {any} view */
  constructor(view) {
    this.view = view;
    this.open = new Map(); // ticket to what takes its messages
  }

  /** A button for a result in a format. @param {string} name @param {string} format @param {HTMLElement} told shows the outcome */
  button(name, format, told) {
    const label = format === "file" ? say("download.button.file") : say("download.button", { format: formatName(format) });
    const node = button(label);
    node.setAttribute("aria-label", say("download.label", { button: label, name }));
    node.addEventListener("click", () => this.begin(node, label, { name, format }, told));
    return node;
  }

  begin(node, label, wanted, told) {
    const ticket = Math.random().toString(36).slice(2);
    const parcel = new Parcel();
    put(told, "");
    const over = (text) => {
      this.open.delete(ticket);
      node.textContent = label;
      node.disabled = !this.view.shared.live;
      this.view.answered(node);
      put(told, text);
    };
    this.open.set(ticket, {
      "file-ack": () => this.view.answered(node, false),
      "file-part": (message, buffers) => {
        parcel.take(message.seq, buffers);
        node.textContent = sizeText(parcel.bytes);
      },
      "file-end": (message) => {
        const { file, type, problem } = message;
        if (problem) return over(problem);
        if (!parcel.isWhole(message)) return over(say("download.lost", { file }));
        save(file, type, parcel.parts);
        over(say("download.done", { file, size: sizeText(parcel.bytes) }));
      },
      gone: () => over(""),
    });
    this.view.command(node, say("download.sent"), "download", say("download.what"), { ...wanted, ticket });
  }

  /** Give a message to the download that it belongs to: those of other views are none of ours. */
  take(message, buffers) {
    this.open.get(message.ticket)?.[message.kind]?.(message, buffers ?? []);
  }

  /** The kernel has gone: what is on its way never comes. */
  stop() {
    this.open.forEach((takes) => takes.gone());
  }
}
