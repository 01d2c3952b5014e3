import { wrap } from "comlink";
import type { Engine } from "../worker/engine.ts";
import { worker } from "./worker.ts";

/** What the worker does for the page. */
export const engine = wrap<Engine>(worker);
