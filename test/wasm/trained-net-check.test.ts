import { afterAll, beforeAll, expect, test } from "vitest";
import { modelOf, settingsFor } from "../../src/app/state/settings.ts";
import { brokenBackend } from "../../src/app/worker/faults.ts";
import { cpuBackend } from "../../src/backend/cpu.ts";
import type { Backend } from "../../src/backend/executor.ts";
import { checkGradients, type GradientReport } from "../../src/check/gradients.ts";
import { rows } from "../../src/core/ndarray.ts";
import { dataPreset } from "../../src/data/presets.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import { times } from "../shared/thorough.ts";

/**
 * A net near its minimum: the gradients of its biases are sums that are small beside their terms, so right kernels leave
 * large relative errors there, and a check that took them for wrong would cry wolf on every run that went well.
 */

let cpu: Backend;
beforeAll(async () => {
  cpu = await cpuBackend();
});
afterAll(() => cpu.dispose());

/** Reports on the first rows, `count` of them, one each `steps` steps. */
async function reports(data: "moons" | "xor", steps: number, count: number, backend = cpu): Promise<GradientReport[]> {
  const settings = settingsFor(data);
  const { seed, optimizer, lr, batch } = settings;
  const model = modelOf(settings, null);
  const { train } = await dataPreset(data).load(() => Promise.reject(new Error("no file is needed")), { seed });
  const size = batch === "full" ? ("full" as const) : Math.min(batch, train.x.shape[0]!);
  const trainer = await createTrainer(cpu, {
    model,
    data: train,
    batch: size,
    seed,
    optimizer: { type: optimizer, lr },
  });
  const found: GradientReport[] = [];
  const n = Math.min(16, train.x.shape[0]!);
  for (let i = 0; i < count; i++) {
    for await (const m of trainer.run({ steps, logEvery: steps })) void m;
    const weights = await trainer.parameters();
    found.push(await checkGradients({ model, weights, x: rows(train.x, 0, n), y: rows(train.y, 0, n), backend, seed }));
  }
  trainer.dispose();
  return found;
}

test.each([
  ["moons", 311],
  ["xor", 311],
] as const)("%s: right kernels are right at every step of a run", async (data, steps) => {
  const found = await reports(data, steps, times(20, 60));
  expect(found.map((r) => r.firstDivergent).filter((name) => name !== null)).toEqual([]);
  // And something is shown for as long as gradients are more than rounding.
  expect(found.filter((r) => r.pass).length).toBeGreaterThan(5);
});

test("wrong ones are still wrong there", async () => {
  const found = await reports("moons", 2488, 2, brokenBackend(cpu, "batch"));
  for (const r of found) expect(r.firstDivergent).not.toBe(null);
});
