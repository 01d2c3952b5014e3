import { ChainruleError } from "../../core/errors.ts";
import type { NdArray } from "../../core/ndarray.ts";
import type { BackendRun } from "../run/backend-run.ts";
import { proves, wordsOf } from "../run/metrics.ts";
import { RING_SLOTS } from "../run/training-graph.ts";

/**
 * The error of a reading in which not every slot is what its step wrote. Where the executor ran whole steps in one kernel
 * that is "lost": all is made anew, as dispatches, and the steps are taken again. Else "device", and the run ends.
 */
export function unproved(
  { executor, backend }: BackendRun,
  ring: NdArray | undefined,
  from: number,
  to: number,
): ChainruleError {
  const what = whatCameBack(ring, from, to);
  if (executor.distrust?.(what)) return new ChainruleError("lost", what);
  const advice = backend.kind === "webgpu" ? ": update the graphics driver or the browser, or train on the CPU" : "";
  return new ChainruleError("device", `${what}${advice}`);
}

/** In one line: which of the steps from `from` to before `to` are missing, and what lies in the place of the first. */
function whatCameBack(ring: NdArray | undefined, from: number, to: number): string {
  if (!ring) return `steps ${from + 1} to ${to}: the device gave no reading of their losses`;
  const words = wordsOf(ring);
  const missing: number[] = [];
  for (let s = from; s < to; s++) if (!proves(words, s)) missing.push(s);
  const first = missing[0]!;
  const at = (first % RING_SLOTS) * 4;
  const slot = ring.data.subarray(at, at + 4);
  let what = "something torn";
  if (slot.length < 4) what = "nothing";
  else if (slot.every((x) => x === 0)) what = "zeros";
  for (let s = first - RING_SLOTS; s >= 0; s -= RING_SLOTS) {
    if (!proves(words, s)) continue;
    what = `what step ${s + 1} had left`;
    break;
  }
  const numbers = what === "something torn" ? ` (loss ${slot[0]}, gradient norm ${slot[1]}, rate ${slot[2]})` : "";
  const count = missing.length === 1 ? "its record" : `the records of ${missing.length} of ${to - from} steps`;
  return `step ${first + 1}: the device did not bring back ${count}: in its place came ${what}${numbers}`;
}
