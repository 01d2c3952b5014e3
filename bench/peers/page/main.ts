import { type Remote, wrap } from "comlink";
import type { ContestantName } from "../tasks.ts";
import type { Peer } from "./peer.ts";

/**
 * Where a contestant runs. Chainrule is in a worker, as its own page has it: a page's own thread may not wait, and so
 * cannot share work with threads. The others are where their documentation puts them, on the page, with their threads.
 */
async function place(name: ContestantName): Promise<Peer | Remote<Peer>> {
  if (!name.startsWith("chainrule")) return (await import("./peer.ts")).peer;
  return wrap<Peer>(new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }));
}

let peer: Peer | Remote<Peer>;

const page: Peer = {
  async open(name) {
    peer = await place(name);
    return peer.open(name);
  },
  prepare: async (task, reference) => peer.prepare(task, reference && new URL(reference, location.href).href),
  sample: async (n) => peer.sample(n),
  dispose: () => peer.dispose(),
  async cold(name) {
    peer = await place(name);
    return peer.cold(name);
  },
  loss: async () => peer.loss(),
};

/**
 * With `?cold=NAME` the page begins by itself, so that no word of the driver's is on the way to the first loss. `ms` is from
 * the navigation's start to that; what the driver checks is read afterwards.
 */
const cold = new URLSearchParams(location.search).get("cold") as ContestantName | null;
const firstStep = cold && page.cold(cold).then(async () => ({ ms: performance.now(), loss: await page.loss() }));

Object.assign(globalThis, { peers: page, firstStep });
