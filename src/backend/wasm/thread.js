import { instantiate } from "./instance.js";

/** A thread of the pool, in Node or in a browser. Plain JavaScript, as instance.js. pool.ts has the messages' types. */

const members = new Map();

function receive(message, reply) {
  if (message.type === "start") reply("ready");
  else if (message.type === "join") members.set(message.id, instantiate(message.modules, message.memory));
  else if (message.type === "leave") members.delete(message.id);
  // Returns when the member closes; at once where it has closed already.
  else if (message.type === "serve") members.get(message.id)?.serve();
}

const port = globalThis.process?.getBuiltinModule?.("node:worker_threads")?.parentPort;
if (port) port.on("message", (message) => receive(message, (answer) => port.postMessage(answer)));
else globalThis.onmessage = ({ data }) => receive(data, (answer) => globalThis.postMessage(answer));
