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

/** Inputs in all; CHAINRULE_FUZZ=1000000 for a release. */
export const MANY = Number(process.env.CHAINRULE_FUZZ ?? 10_000);
/** No input may take longer, in time of the processor: a busy machine takes none of that. */
const MAX_MS = 1000;
export const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
/** What a reader may allocate besides: strings, errors, and fast-check's own inputs. */
export const SMALL = 2 ** 20;
/** The longest run of a million is some minutes. */
export const TIMEOUT = 60_000 + MANY;

/** Reads, and holds the reader to time, memory and errors of ours. Bytes of arrays can only be counted too low. */
export async function heldTo(maxBytes: number, read: () => unknown, maxMs = MAX_MS): Promise<void> {
  const before = process.memoryUsage().arrayBuffers;
  const start = processorMs();
  try {
    await read();
  } catch (error) {
    if (!(error instanceof ChainruleError)) throw error;
    if (error.code !== "file" || error.message.length > 600) throw new Error(`not as it should be: ${error.message}`);
  }
  const ms = processorMs() - start;
  if (ms > maxMs) throw new Error(`took ${ms} ms`);
  const grown = process.memoryUsage().arrayBuffers - before;
  if (grown > maxBytes + SMALL) throw new Error(`allocated ${grown} bytes, more than ${maxBytes}`);
}
