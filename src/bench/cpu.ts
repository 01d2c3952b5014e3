import type { Backend } from "../backend/executor.ts";
import { referenceBackend } from "../backend/reference/executor.ts";

/** The CPU that benchmarks compare with: the fastest path that there is. */
export function openCpu(): Promise<Backend> {
  return Promise.resolve(referenceBackend("f32"));
}
