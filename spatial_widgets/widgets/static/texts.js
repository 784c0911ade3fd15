// @ts-check
// Every text of ours that the view of one job shows, in one place; status.js has the words of the statuses.

export const TEXTS = {
  job: (task) => `${task} job`,
  id: (id) => `job ${id}`,
  progress: "Progress",
  messages: "Messages",
  results: "Results",
  cancel: "Cancel",
  cancelSent: "Cancel sent",
  stop: "Stop loading",
  stopSent: "Stop sent",
  copyUrl: "Copy job URL",
  copied: "Copied",
  url: (url) => `Job URL: ${url}`,
  error: "Error: ",
  warning: "Warning: ",
  loading: "Loading the results",
  loaded: "The results are loaded",
  busy: (what) => `The kernel is busy with a cell: the ${what} is handled when the cell ends. Interrupt the kernel to stop the cell now.`,
  kernelLost: "Connection to the kernel was lost. The job goes on at the service; show it again with JobWidget.from_url(…).",
  kernelLostLoading: "Connection to the kernel was lost while the results were loaded. Show the job again with JobWidget.from_url(…).",
};
