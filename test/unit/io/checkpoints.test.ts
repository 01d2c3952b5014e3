import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { referenceBackend } from "../../../src/backend/reference/executor.ts";
import { encodeCheckpoint } from "../../../src/io/checkpoint/checkpoint.ts";
import { diskStore, requireStore } from "../../../src/io/checkpoint/disk-store.ts";
import { runIdentity } from "../../../src/io/checkpoint/run-identity.ts";
import { Checkpoints, restoreCheckpoint } from "../../../src/io/checkpoint/slots.ts";
import { createTrainer } from "../../../src/train/create-trainer.ts";
import { sourceOf } from "../../../src/train/data/row-source.ts";
import type { Trainer } from "../../../src/train/trainer.ts";
import { memoryStore, sampleCheckpoint } from "../../shared/checkpoint.ts";
import { mixedNet, ring } from "../../shared/problems.ts";

const make = (seed = 5): Promise<Trainer> =>
  createTrainer(referenceBackend("f32"), { model: mixedNet, data: ring(50), batch: 8, seed });

async function losses(trainer: Trainer, steps: number): Promise<number[]> {
  const out: number[] = [];
  for await (const m of trainer.run({ steps })) out.push(m.loss);
  return out;
}

describe("two slots", () => {
  test("are written in turn, and the newer is gone on from", async () => {
    const store = memoryStore();
    const trainer = await make();
    const run = await runIdentity(trainer.options);
    const checkpoints = await Checkpoints.open(store);
    expect(checkpoints).toMatchObject({ empty: true, found: null, step: null });
    for (const steps of [3, 4, 5]) {
      await losses(trainer, steps);
      await checkpoints.save(trainer, run);
    }
    const rest = await losses(trainer, 6);
    const again = await Checkpoints.open(store);
    expect(again.found).toMatchObject({ generation: 3, state: { step: 12 } });
    const other = await make();
    await restoreCheckpoint(other, again.found!);
    expect(await losses(other, 6)).toEqual(rest);
    await again.discard();
    expect(store.slots).toEqual([null, null]);
  });

  test("go on in the midst of rows that are read by number", async () => {
    const store = memoryStore();
    const options = { model: mixedNet, data: sourceOf(ring(50)), batch: 8, maxDataBytes: 8 * 8 * 5 };
    const trainer = await createTrainer(referenceBackend("f32"), options);
    await losses(trainer, 13);
    await (await Checkpoints.open(store)).save(trainer, await runIdentity(trainer.options));
    const rest = await losses(trainer, 13);
    const other = await createTrainer(referenceBackend("f32"), options);
    await restoreCheckpoint(other, (await Checkpoints.open(store)).found!);
    expect(await losses(other, 13)).toEqual(rest);
  });

  test.each(["before", "torn"] as const)("keep the older one when a write fails (%s)", async (fail) => {
    const store = memoryStore();
    const trainer = await make();
    const run = await runIdentity(trainer.options);
    const checkpoints = await Checkpoints.open(store);
    await losses(trainer, 2);
    await checkpoints.save(trainer, run);
    await losses(trainer, 2);
    store.fail = fail;
    await expect(checkpoints.save(trainer, run)).rejects.toThrow("the disk is full");
    expect(checkpoints.step).toBe(2);
    const found = await Checkpoints.open(store);
    expect(found.step).toBe(2);
    expect(found.refused.map((r) => r.reason)).toEqual(
      fail === "torn" ? [expect.stringMatching(/cut short or damaged/)] : [],
    );
    store.fail = "no";
    await checkpoints.save(trainer, run);
    expect((await Checkpoints.open(store)).step).toBe(4);
  });

  test("of which one is foreign give the other, and the reason", async () => {
    const store = memoryStore();
    store.slots[0] = encodeCheckpoint(sampleCheckpoint(12, 3));
    store.slots[1] = new TextEncoder().encode("something else that lies there");
    const { step, refused } = await Checkpoints.open(store);
    expect(step).toBe(12);
    expect(refused).toEqual([{ slot: 1, reason: expect.stringContaining("not a checkpoint of Chainrule's") }]);
  });

  test("refuse another run, and change nothing", async () => {
    const store = memoryStore();
    const trainer = await make();
    await losses(trainer, 3);
    await (await Checkpoints.open(store)).save(trainer, await runIdentity(trainer.options));
    const other = await make(6);
    const { found } = await Checkpoints.open(store);
    await expect(restoreCheckpoint(other, found!)).rejects.toThrow("seed is 5 in the checkpoint, 6 here");
    expect(other.stepsTaken).toBe(0);
  });

  test("take no state from a device that has lost it", async () => {
    const store = memoryStore();
    const trainer = await make();
    await losses(trainer, 3);
    const lost = Object.create(trainer, { state: { value: async () => ({ ...(await trainer.state()), step: 0 }) } });
    const checkpoints = await Checkpoints.open(store);
    await expect(checkpoints.save(lost, {})).rejects.toThrow("the device says step 0, 3 were taken");
    expect(store.slots).toEqual([null, null]);
  });
});

describe("a folder", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "chainrule-store-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("keeps whole files only, and tidies up after a process that was killed while writing", async () => {
    const path = join(folder, "run");
    requireStore(path);
    const store = diskStore(path);
    const bytes = encodeCheckpoint(sampleCheckpoint());
    writeFileSync(join(path, "checkpoint-1.safetensors.999999.part"), bytes.subarray(0, 100));
    expect(await store.read(1)).toBeNull();
    await store.write(1, bytes);
    expect(readdirSync(path)).toEqual(["checkpoint-1.safetensors"]);
    expect(readFileSync(join(path, "checkpoint-1.safetensors")).equals(bytes)).toBe(true);
    expect((await Checkpoints.open(store)).step).toBe(12);
    await store.remove(1);
    expect(await store.read(1)).toBeNull();
  });

  test("that cannot be one is refused at once; one that goes away fails the write", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    expect(() => requireStore(file)).toThrow(/cannot make the folder .*file: it is a file/);
    expect(() => requireStore(join(file, "below"))).toThrow(/part of the path is not a folder/);
    const gone = diskStore(join(folder, "gone"));
    await expect(gone.write(0, new Uint8Array(4))).rejects.toThrow(/cannot write .*checkpoint-0/);
  });
});
