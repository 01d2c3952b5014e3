import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeCheckpoint } from "../../../src/io/checkpoint/checkpoint.ts";
import { Checkpoints } from "../../../src/io/checkpoint/slots.ts";
import { memoryStore } from "../../shared/checkpoint.ts";
import { times } from "../../shared/thorough.ts";
import { hostileCheckpoints, soundCheckpoint } from "./checkpoint-files.ts";
import { endsCleanly, fuzz, MANY, TIMEOUT } from "./fuzz.ts";

/**
 * Checkpoints may come from anybody: a folder that was sent along with a model, a disk that lost a page. Arrays are
 * copies of what the file holds, at most four bytes for one of it.
 */
const FACTOR = 4;

test(
  `the decoder: ${MANY} inputs`,
  () =>
    fuzz({
      inputs: hostileCheckpoints(),
      read: decodeCheckpoint,
      bytesOf: (bytes) => bytes.length,
      factor: FACTOR,
    }),
  TIMEOUT,
);

/** Opens a store with these in its slots, and holds what it says to what the slots hold. */
async function open(slots: readonly [Uint8Array | null, Uint8Array | null]): Promise<void> {
  const store = memoryStore();
  store.slots = [...slots];
  const { found, refused, step, empty } = await Checkpoints.open(store);
  const sound = slots.flatMap((bytes) => {
    if (!bytes || !endsCleanlyWithResult(bytes)) return [];
    return [decodeCheckpoint(bytes)];
  });
  const full = slots.filter((bytes) => bytes !== null).length;
  const newest = sound.reduce<number | null>((most, c) => Math.max(most ?? 0, c.generation), null);
  if ((found?.generation ?? null) !== newest) throw new TypeError("not the newer of what can be read");
  if (refused.length !== full - sound.length) throw new TypeError("a slot that cannot be read is not refused");
  if (step !== (found?.state.step ?? null)) throw new TypeError("another step than the checkpoint's");
  if (empty !== (full === 0)) throw new TypeError("empty is not what it says");
}

function endsCleanlyWithResult(bytes: Uint8Array): boolean {
  let whole = false;
  endsCleanly(() => {
    decodeCheckpoint(bytes);
    whole = true;
  });
  return whole;
}

const slot = (): fc.Arbitrary<Uint8Array | null> =>
  fc.oneof({ weight: 8, arbitrary: hostileCheckpoints() }, fc.constant(soundCheckpoint), fc.constant(null));

test(
  `two hostile slots: ${MANY} stores`,
  () =>
    fuzz({
      inputs: fc.tuple(slot(), slot()),
      read: open,
      bytesOf: (slots) => slots.reduce((sum, bytes) => sum + (bytes?.length ?? 0), 0),
      // Each slot is read twice, by the store and by the test.
      factor: 2 * FACTOR,
    }),
  TIMEOUT,
);

test("the inputs are worth drawing: some can be read, and many come as far as their outline", () => {
  const reasons = fc.sample(hostileCheckpoints(), { numRuns: times(1000, 3000), seed: 7 }).map((bytes) => {
    try {
      decodeCheckpoint(bytes);
      return "read";
    } catch (error) {
      return (error as Error).message.replace(/[\d,]+/g, "#");
    }
  });
  const of = (pattern: RegExp): number => reasons.filter((reason) => pattern.test(reason)).length;
  expect(of(/^read$/)).toBeGreaterThan(100);
  expect(of(/^checkpoint: its /)).toBeGreaterThan(100);
  expect(of(/^safetensors: /)).toBeGreaterThan(100);
  expect(of(/checksum/)).toBeGreaterThan(100);
  expect(new Set(reasons).size).toBeGreaterThan(40);
});
