// @ts-check
// The form of a task: what its views share, and what they and the kernel say to each other.
import { FormView } from "./formview.js";

// A factory: what it closes over is shared by the views of one model, and by nothing else.
export default () => {
  const shared = { views: new Set(), live: true, offers: null, listeners: new Set() };
  return {
    initialize({ model }) {
      const onCustom = (message) => {
        if (message.kind === "offers") shared.offers = message.offers;
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
      const view = new FormView(model, el, shared);
      shared.views.add(view);
      return () => {
        shared.views.delete(view);
        view.close();
      };
    },
  };
};
