import { wrap } from "comlink";
import type { Engine } from "../worker/types.ts";

/** The worker that computes everything. */
export const engine = wrap<Engine>(new Worker(new URL("../worker/main.ts", import.meta.url), { type: "module" }));
