// Esri's REST client for JavaScript, unchanged, against a running local service.
// Arguments: the GPServer's URL; the token, if any, comes in the variable SERVICE_TOKEN. Prints one JSON object.
import { ApiKeyManager, Job, request } from "@esri/arcgis-rest-request";

const service = process.argv[2];
const token = process.env.SERVICE_TOKEN;
const authentication = token ? ApiKeyManager.fromKey(token) : undefined;
const told = {};

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("this should have failed");
}

function submit(task, params) {
  return Job.submitJob({ url: `${service}/${task}/submitJob`, params, authentication, pollingRate: 200 });
}

// What the service and a task say of themselves.
const description = await request(service, { authentication });
told.tasks = description.tasks.length;
told.executionType = description.executionType;
told.parameters = (await request(`${service}/Greet`, { authentication })).parameters.map((p) => p.name);

// Submit, wait, read one result and all of them.
const greeting = await submit("Greet", { name: "Ada & Bob, né", times: 2, loud: true });
told.status = (await greeting.waitForCompletion()).status;
told.result = await greeting.getResult("text");
told.all = await greeting.getAllResults();

// A layer goes in and comes out; lists travel as JSON.
const layer = {
  geometryType: "esriGeometryPoint",
  spatialReference: { wkid: 4326 },
  fields: [{ name: "n", type: "esriFieldTypeInteger" }],
  features: [{ attributes: { n: 1 }, geometry: { x: 10, y: 50 } }],
};
const moved = await submit("Layer", { inputLayer: layer, context: { outSR: { wkid: 3857 } } });
told.layer = (await moved.getResult("result")).value;

// Found again from its text.
const again = await Job.deserialize(greeting.serialize(), { authentication });
told.again = (await again.getJobInfo()).status;

// Cancelled while it executes; the wait ends.
const sleeping = await submit("Sleep", { seconds: 60 });
let status = "";
for (let i = 0; i < 200 && status !== "Executing"; i += 1) {
  status = (await sleeping.getJobInfo()).status;
  await new Promise((resolve) => setTimeout(resolve, 50));
}
told.beforeCancel = status;
const waiting = failure(sleeping.waitForCompletion());
told.cancel = (await sleeping.cancelJob()).jobStatus;
told.cancelled = (await waiting).message;
for (let i = 0; i < 200 && status !== "Cancelled"; i += 1) {
  status = (await sleeping.getJobInfo()).status;
  await new Promise((resolve) => setTimeout(resolve, 50));
}
told.afterCancel = status;

// A job that fails, and requests that are refused.
const refused = await submit("Refuse", { text: "so" });
const error = await failure(refused.waitForCompletion());
told.failed = [error.name, error.jobInfo.status, error.jobInfo.messages.map((m) => m.description)];
const bad = await failure(submit("Greet", { name: "a", times: "many" }));
told.bad = [bad.name, bad.code, bad.message];
told.unknown = (await failure(request(`${service}/Nope`, { authentication }))).code;

// A synchronous task.
told.sum = (await request(`${service}/Sum/execute`, { authentication, params: { a: 1, b: 2 } })).results;

// Without the token, or with another one.
if (token) {
  const none = await failure(request(service));
  const wrong = await failure(request(service, { authentication: ApiKeyManager.fromKey("wrong") }));
  told.tokens = [none.name, none.code, wrong.name, wrong.code];
}
// A wait that has ended leaves its timer running: the program has to say itself that it is done.
process.stdout.write(JSON.stringify(told), () => process.exit(0));
