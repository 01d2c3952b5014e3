import { createRequire } from "node:module";
import { littleMemory } from "./little-memory.ts";

/** `node --import` this: every device of the process has room for CHAINRULE_TEST_ROOM bytes. */
const { globals } = createRequire(import.meta.url)("webgpu") as { globals: object };
Object.assign(globalThis, globals);
littleMemory(Number(process.env.CHAINRULE_TEST_ROOM));
