import { describe, expect, test } from "vitest";
import { cpuBackend } from "../../src/backend/cpu.ts";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { RecoveryEvent } from "../../src/train/recovery/recovery.ts";
import type { TrainerOptions } from "../../src/train/run/options.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { mixedNet, ring, smallNet } from "../shared/problems.ts";

/** A GPU that can go for good. */
function mortal(): { gpu: GPU; gone: boolean } {
  const state: { gone: boolean; gpu: GPU } = {
    gone: false,
    gpu: {
      requestAdapter: (options?: GPURequestAdapterOptions) =>
        state.gone ? Promise.resolve(null) : navigator.gpu.requestAdapter(options),
    } as GPU,
  };
  return state;
}

/** destroy() is how a test loses a device: the page of a browser that lost it hears the same. */
const lose = (backend: WebGpuBackend): void => backend.gpu.device.destroy();

const data = ring(203);
const large = { model: mixedNet, data, test: ring(90, 5), batch: 17, clip: 1, seed: 5 } as const;
const small = { model: smallNet, data, batch: 16, seed: 5, optimizer: { type: "adam", lr: 0.01 } } as const;

async function steps(trainer: Trainer, n: number, at: Record<number, () => void> = {}): Promise<[number, number][]> {
  const out: [number, number][] = [];
  for await (const m of trainer.run({ steps: n })) {
    out.push([m.step, m.loss]);
    at[m.step]?.();
  }
  return out;
}

describe("a run whose device is lost", () => {
  const kinds: readonly (readonly [name: string, options: TrainerOptions, steps: number])[] = [
    ["by dispatches", large, 400],
    ["on the chip", small, 20_000],
    // A net of few kernels: each device that comes back compiles them all.
    ["with rows that stream", { ...large, model: smallNet, maxDataBytes: 17 * 8 * 7 }, 150],
    ["of halves", { ...large, model: smallNet, precision: "f16" }, 150],
  ];
  for (const [name, options, n] of kinds) {
    test(`goes on as if nothing had been: ${name}`, async () => {
      const backend = await webgpuBackend(navigator.gpu);
      const whole = await createTrainer(backend, options);
      const undisturbed = await steps(whole, n);
      const weights = await whole.parameters();
      const events: RecoveryEvent[] = [];
      const trainer = await createTrainer(backend, options, { holdMs: 5, onEvent: (e) => events.push(e) });
      // Twice in the midst of a run, and once while nothing runs.
      const at = { [0.2 * n]: () => lose(backend), [0.5 * n]: () => lose(backend) };
      const seen = await steps(trainer, n, at);
      lose(backend);
      expect(seen).toEqual(undisturbed);
      expect(await trainer.parameters()).toEqual(weights);
      expect(trainer.stepsTaken).toBe(n);
      // A fast device may have taken all steps before a loss is noticed: then two losses are one.
      expect(events.length).toBeGreaterThanOrEqual(2);
      events.forEach((e, i) => {
        expect(e.kind).toBe(i % 2 === 0 ? "lost" : "recovered");
      });
      const back = events.flatMap((e) => (e.kind === "recovered" ? [Math.round(e.ms)] : []));
      console.log(`${name}: back after ${back.join(", ")} ms`);
      if (options.maxDataBytes === undefined && "test" in options)
        expect(await trainer.evaluate("test")).not.toBeNull();
      trainer.dispose();
      expect(trainer.memory().liveBytes).toBe(0);
      backend.dispose();
    });
  }

  test("moves to the CPU where no device comes back, and says so", async () => {
    const state = mortal();
    const backend = await webgpuBackend(state.gpu, { retryMs: [0, 5] });
    const events: RecoveryEvent[] = [];
    const trainer = await createTrainer(backend, large, { holdMs: 5, cpu: cpuBackend, onEvent: (e) => events.push(e) });
    const whole = await createTrainer(await cpuBackend(), large);
    const exact = await steps(whole, 300);
    const seen = await steps(trainer, 300, {
      30: () => {
        state.gone = true;
        lose(backend);
      },
    });
    expect(seen.map(([s]) => s)).toEqual(exact.map(([s]) => s));
    // Two devices round differently; a step done twice or left out would be far off.
    for (const [i, [, loss]] of seen.entries()) expect(Math.abs(loss - exact[i]![1])).toBeLessThan(0.02);
    expect(events.map((e) => e.kind)).toEqual(["lost", "moved"]);
    expect(trainer.backend.kind).toBe("cpu");
    for (const t of [trainer, whole]) t.dispose();
  });

  test("waits where it is told to, and goes on when a device is back", async () => {
    const state = mortal();
    const backend = await webgpuBackend(state.gpu, { retryMs: [0] });
    const kinds: string[] = [];
    const trainer = await createTrainer(backend, small, {
      onLost: "wait",
      onEvent: (e) => {
        kinds.push(e.kind);
        if (e.kind === "waiting") state.gone = false;
      },
    });
    const seen = await steps(trainer, 9000, {
      20: () => {
        state.gone = true;
        lose(backend);
      },
    });
    expect(seen).toHaveLength(9000);
    expect(kinds).toEqual(["lost", "waiting", "recovered"]);
    trainer.dispose();
    backend.dispose();
  });

  test("stops where it is told to, with a typed error, and gives its last copy", async () => {
    const state = mortal();
    const backend = await webgpuBackend(state.gpu, { retryMs: [0] });
    const trainer = await createTrainer(backend, large, { holdMs: 1, onLost: "stop" });
    const run = steps(trainer, 1500, {
      150: () => {
        state.gone = true;
        lose(backend);
      },
    });
    await expect(run).rejects.toMatchObject({
      code: "lost",
      message: expect.stringMatching(/did not come back.*kept/),
    });
    const copy = await trainer.state();
    expect(copy.step).toBeGreaterThan(0);
    expect(await trainer.parameters()).toEqual(copy.parameters);
    trainer.dispose();
    const again = await createTrainer(await webgpuBackend(navigator.gpu), large);
    again.restore(copy);
    const whole = await createTrainer(again.backend, large);
    expect(await steps(again, 20)).toEqual((await steps(whole, copy.step + 20)).slice(copy.step));
    for (const t of [again, whole, again.backend]) t.dispose();
  });
});
