// @ts-check
// The form of a task: what its views share, and what they and the kernel say to each other.
import { again } from "./formagain.js";
import { FormView } from "./formview.js";

// A factory: what it closes over is shared by the views of one model, and by nothing else.
export default () => {
  const shared = { views: new Set(), live: true, offers: null, fields: null, listeners: new Set() };
  return {
    initialize({ model }) {
      const onCustom = (message) => {
        if (message.kind === "offers") shared.offers = message.offers;
        if (message.kind === "fields") {
          if (shared.fields) return; // another page asked for them
          shared.fields = message.fields; // all that did not fit into the file of a notebook
          shared.views.forEach((view) => view.again());
          return;
        }
        shared.listeners.forEach((listener) => listener(message));
      };
      const onLive = () => {
        shared.live = false;
        shared.views.forEach((view) => view.draw());
      };
      model.on("msg:custom", onCustom);
      model.on("comm_live_update", onLive);
      model.send({ kind: "offers" });
      return () => {
        model.off("msg:custom", onCustom);
        model.off("comm_live_update", onLive);
      };
    },
    render({ model, el }) {
      const slot = { view: new FormView(model, el, shared) };
      slot.again = () => {
        slot.view = again(slot.view, el);
      };
      slot.draw = () => slot.view.draw();
      shared.views.add(slot);
      return () => {
        shared.views.delete(slot);
        slot.view.close();
      };
    },
  };
};
