import { createRequire } from "node:module";
import { isMainThread } from "node:worker_threads";

/**
 * `node --import` this: every device of the process has room for CHAINRULE_TEST_ROOM bytes. No TypeScript itself, since
 * the process's threads, which have no device, import it too, and nothing compiles it there.
 */
if (isMainThread) {
  const { littleMemory } = await import("./little-memory.ts");
  Object.assign(globalThis, createRequire(import.meta.url)("webgpu").globals);
  littleMemory(Number(process.env.CHAINRULE_TEST_ROOM));
}
