import fc from "fast-check";
import { ChainruleError } from "../../../src/core/errors.ts";

/** Runs of each fuzzing property. */
export const RUNS = 2000;

/** Whether `run` returns, or throws a ChainruleError: what a reader may do with any bytes at all. */
export function endsCleanly(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof ChainruleError) return true;
    throw error;
  }
}

/** `valid` with a few bytes overwritten, then cut or extended at the end. */
export function mutations(valid: Uint8Array): fc.Arbitrary<Uint8Array> {
  const edit = fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 }));
  const edits = fc.array(edit, { maxLength: 6 });
  const ending = fc.oneof(fc.constant(0), fc.integer({ min: -valid.length, max: 16 }));
  return fc.tuple(edits, ending).map(([changes, grow]) => {
    const out = new Uint8Array(valid.length + grow);
    out.set(valid.subarray(0, out.length));
    for (const [at, byte] of changes) if (at < out.length) out[at] = byte;
    return out;
  });
}

export function randomBytes(): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ maxLength: 200 });
}
