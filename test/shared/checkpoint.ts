import { ndarray } from "../../src/core/ndarray.ts";
import type { Checkpoint } from "../../src/io/checkpoint/checkpoint.ts";
import type { CheckpointStore } from "../../src/io/checkpoint/slots.ts";
import { crc32 } from "../../src/io/zip/crc32.ts";

/** A small checkpoint, as Adam leaves one. */
export function sampleCheckpoint(step = 12, generation = 3): Omit<Checkpoint, "chainrule"> {
  const weights = (scale: number) =>
    new Map([
      [
        "0.weight",
        ndarray(
          [2, 3],
          "f32",
          [1, -2, 3.5, 0, -0, 6].map((v) => v * scale),
        ),
      ],
      ["0.bias", ndarray([3], "f32", [0.25 * scale, 1e-42, -1e30])],
    ]);
  return {
    generation,
    state: {
      step,
      cursor: ndarray([4], "u32", [step, 0, 7, 0]),
      control: ndarray([8], "f32", [0.1, 1, 1, 2, 0.9, 0.999, 0, 0]),
      parameters: weights(1),
      moments: [weights(0.5), weights(0.25)],
    },
    run: { seed: 5, batch: "full", model: { layers: [{ type: "linear", in: 2, out: 3 }] } },
    device: { kind: "cpu", description: "CPU", kernels: {} },
    extra: null,
  };
}

/** The bytes with a checksum that fits them: what is wrong with them then has to be seen by the reader itself. */
export function signed(bytes: Uint8Array): Uint8Array {
  const out = bytes.slice();
  if (out.length < 4) return out;
  new DataView(out.buffer).setUint32(out.length - 4, crc32(out.subarray(0, -4)), true);
  return out;
}

/** Two slots in memory. `fail` makes a write fail, before or in the midst of it. */
export function memoryStore(): CheckpointStore & { slots: (Uint8Array | null)[]; fail: "no" | "before" | "torn" } {
  const store = {
    slots: [null, null] as (Uint8Array | null)[],
    fail: "no" as "no" | "before" | "torn",
    read: async (slot: 0 | 1) => store.slots[slot]!,
    async write(slot: 0 | 1, bytes: Uint8Array) {
      if (store.fail === "torn") store.slots[slot] = bytes.slice(0, bytes.length / 2);
      if (store.fail !== "no") throw new Error("the disk is full");
      store.slots[slot] = bytes;
    },
    async remove(slot: 0 | 1) {
      store.slots[slot] = null;
    },
  };
  return store;
}
