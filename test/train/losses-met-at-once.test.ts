import { expect, test } from "vitest";
import { webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { RecoveryEvent } from "../../src/train/recovery/recovery.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { asDispatches } from "../shared/gpu.ts";
import { mixedNet, ring } from "../shared/problems.ts";

/** A loss of the device that several calls meet at the same time, and one that the trainer's end comes in between. */
const options = { model: mixedNet, data: ring(203), test: ring(90, 5), batch: 17, clip: 1, seed: 5 } as const;
const STEPS = 400;

async function open(onEvent: (event: RecoveryEvent) => void) {
  const gpu = await webgpuBackend(navigator.gpu);
  const backend = asDispatches(gpu);
  const trainer = await createTrainer(backend, options, { holdMs: 5, onEvent });
  return { gpu, backend, trainer };
}

async function told(trainer: Trainer, at: Record<number, () => Promise<unknown>> = {}): Promise<[number, number][]> {
  const out: [number, number][] = [];
  for await (const m of trainer.run({ steps: STEPS })) {
    out.push([m.step, m.loss]);
    await at[m.step]?.();
  }
  return out;
}

test("an evaluation and more between two steps meet the loss first: all is made anew once, and the run is the same", async () => {
  const events: RecoveryEvent[] = [];
  const { gpu, backend, trainer } = await open((e) => events.push(e));
  const whole = await createTrainer(backend, options);
  const undisturbed = await told(whole);
  whole.dispose();
  const { x } = ring(5);
  const at = async (): Promise<void> => {
    gpu.gpu.device.destroy();
    const asked = [trainer.evaluate("test"), trainer.predict(x), trainer.parameters(), trainer.state()] as const;
    const [evaluation, outputs] = await Promise.all(asked);
    expect(evaluation!.loss).toBeGreaterThan(0);
    expect(outputs.shape).toEqual([5, 2]);
  };
  expect(await told(trainer, { 50: at, 200: at })).toEqual(undisturbed);
  expect(events.map((e) => e.kind)).toEqual(["lost", "recovered", "lost", "recovered"]);
  trainer.dispose();
  expect(trainer.memory()).toEqual({ liveBytes: 0, buffers: 0 });
  // Nothing that a second recovery made is left on the device either.
  expect(gpu.gpu.executors.size).toBe(0);
  gpu.dispose();
});

test("a trainer that is disposed of while it comes back leaves nothing on the new device", async () => {
  let ended: Trainer | null = null;
  const { gpu, trainer } = await open((e) => {
    if (e.kind === "lost") ended?.dispose();
  });
  ended = trainer;
  const run = told(trainer, { 20: async () => gpu.gpu.device.destroy() });
  await expect(run).rejects.toMatchObject({ code: "disposed" });
  expect(trainer.memory()).toEqual({ liveBytes: 0, buffers: 0 });
  expect(gpu.gpu.executors.size).toBe(0);
  gpu.dispose();
});
