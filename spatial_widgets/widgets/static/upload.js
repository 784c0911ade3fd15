// @ts-check
// A file of the reader's on its way to the kernel's machine: part by part, each when the one before is there.
import { say } from "./phrases.js";

const PART = 1_000_000;

/** One upload at a time; another one takes its place. */
export class Upload {
  /** @param {any} model @param {any} shared @param {(text: string, path: string) => void} tell */
  constructor(model, shared, tell) {
    Object.assign(this, { model, shared, tell, file: null, ticket: "", seq: 0 });
    this.listener = (message) => message.ticket === this.ticket && this.take(message);
    shared.listeners.add(this.listener);
  }

  /** @param {File} file */
  start(file) {
    this.file = file;
    this.ticket = `${Date.now()}-${Math.random()}`;
    this.seq = 0;
    this.next();
  }

  async next() {
    const { file, ticket, seq } = this;
    const part = await file.slice(seq * PART, (seq + 1) * PART).arrayBuffer();
    if (this.ticket !== ticket) return;
    const sent = Math.min(file.size, (seq + 1) * PART);
    this.tell(say("form.upload.running", { file: file.name, percent: file.size ? Math.floor((100 * sent) / file.size) : 100 }), "");
    this.model.send({ kind: "file-part", ticket, seq, file: file.name, last: sent >= file.size }, undefined, [part]);
  }

  take(message) {
    if (message.kind === "file-got" && message.seq === this.seq) {
      this.seq++;
      this.next();
    } else if (message.kind === "file-here") {
      const { name } = this.file;
      this.ticket = "";
      const text = message.problem ? say("form.upload.failed", { file: name, reason: message.problem }) : say("form.upload.done", { file: name });
      this.tell(text, message.path);
    }
  }

  close() {
    this.ticket = "";
    this.shared.listeners.delete(this.listener);
  }
}
