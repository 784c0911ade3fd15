// @ts-check
// The table of many jobs: what its views share, and what they and the kernel say to each other.
import { Rows } from "./rows.js";
import { View } from "./tableview.js";

const AGAIN_MS = 5000; // an answer may be lost as well

// A factory: what it closes over is shared by the views of one model, and by nothing else.
export default () => {
  const state = { text: "", word: "", column: "", direction: 1, grouped: false, selected: new Set(), open: new Set() };
  const shared = { rows: new Rows([], () => {}), views: new Set(), live: true, came: false, skew: 0, heard: 0, outcome: "", state };
  return {
    initialize({ model }) {
      let timer = 0;
      const ask = () => {
        model.send({ kind: "hello" });
        clearTimeout(timer);
        timer = setTimeout(() => shared.live && shared.rows.asked && ask(), AGAIN_MS);
      };
      shared.rows = new Rows(model.get("saved_rows"), ask);
      const onCustom = (message) => {
        if (message.kind !== "rows") return;
        shared.skew = Date.now() / 1000 - message.now;
        shared.heard = message.heard;
        shared.outcome = message.outcome || shared.outcome;
        shared.came ||= message.all;
        shared.rows.take(message);
        shared.views.forEach((view) => view.take(message));
      };
      const onLive = () => {
        shared.live = false;
        shared.views.forEach((view) => view.changed());
      };
      model.on("msg:custom", onCustom);
      model.on("comm_live_update", onLive);
      shared.rows.want();
      return () => {
        clearTimeout(timer);
        model.off("msg:custom", onCustom);
        model.off("comm_live_update", onLive);
      };
    },
    render({ model, el }) {
      const view = new View(model, el, shared);
      shared.views.add(view);
      return () => {
        shared.views.delete(view);
        view.close();
      };
    },
  };
};
