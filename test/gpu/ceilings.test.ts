import { afterAll, beforeAll, expect, test } from "vitest";
import { countCeiling } from "../../shaders/ceilings.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import type { WebGpuExecutor } from "../../src/backend/webgpu/executor.ts";
import { Launcher } from "../../src/backend/webgpu/launcher.ts";
import { type Ceiling, ceilingOf, launch } from "../../src/bench/ceiling.ts";
import { benchCeilings } from "../../src/bench/ceilings.ts";
import { calls } from "../../src/bench/ceilings-calls.ts";
import { fma, shared } from "../../src/bench/ceilings-compute.ts";
import { benchMatmul } from "../../src/bench/matmul.ts";
import { zeros } from "../../src/core/ndarray.ts";
import { openGpu } from "../shared/gpu.ts";

let gpu: WebGpuBackend;
beforeAll(async () => {
  gpu = await openGpu();
});
afterAll(() => gpu.dispose());

const collect = async <T>(rows: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
};

test("the limits of this adapter are verified, and stand in sane proportions", async () => {
  const ceilings = await collect(benchCeilings(gpu));
  expect(ceilings.map((c) => c.name)).toEqual([
    "fma",
    "copy",
    "read",
    "shared",
    "dispatch",
    "submit",
    "done",
    "readback",
  ]);
  for (const c of ceilings) {
    expect(c.verified, c.what).toBe(true);
    expect(c.value, c.what).toBeGreaterThan(0);
  }
  const [product] = await collect(benchMatmul({ gpu, cpu: null, sizes: [{ form: "NN", M: 128, N: 128, K: 128 }] }));
  expect(product!.verified).toBe(true);
  expect(ceilingOf(ceilings, "fma")).toBeGreaterThan(product!.gflops!);
  expect(product!.firstMs).toBeGreaterThan(product!.gpuMs!.low);
});

test("twenty times the dispatches take longer, and every one counts", async () => {
  const launcher = new Launcher(gpu.gpu, [256]);
  const counter = { kind: "output", index: 0, access: "read_write" } as const;
  const submit = await launcher.prepare(launch(countCeiling(), [counter], null, 1), "count");
  const time = async (n: number): Promise<number> => {
    const start = performance.now();
    submit(n);
    await launcher.done();
    return performance.now() - start;
  };
  // In turns, and the least of each: what else the machine does comes and goes.
  let [few, many] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let i = 0; i < 3; i++) {
    few = Math.min(few, await time(100), await time(100), await time(100));
    many = Math.min(many, await time(2000));
  }
  expect(many).toBeGreaterThan(2 * few);
  expect((await launcher.read(0, 0, 1))[0]).toBe(3 * 2300);
  launcher.dispose();
});

test.each([
  ["a multiply-add left out", (code: string) => code.replace("c0 = fma(c0, m, d0);", ""), fma],
  ["a product without its sum", (code: string) => code.replaceAll("c1 * m + d1", "c1 * m"), fma],
  ["half the rounds", (code: string) => code.replace("i < params.rounds", "i < params.rounds / 2u"), shared],
])("%s is seen, and nothing is timed", async (_, edit, measured) => {
  const ceiling = await measured(gpu, { edit });
  expect(ceiling).toMatchObject({ verified: false, value: null, ms: null });
});

test("dispatches that do not count are seen", async () => {
  const rows: Ceiling[] = await collect(calls(gpu, { edit: (code) => code.replace("+= 1u", "+= 0u") }));
  for (const row of rows) expect(row).toMatchObject({ verified: false, value: null, ms: null });
});

test("a wrong product is reported wrong after one run, and never timed", async () => {
  const runs: number[] = [];
  const wrong: WebGpuBackend = {
    ...gpu,
    compile: async () =>
      ({
        run: async (steps: number, read: readonly { shape: readonly number[] }[] = []) => {
          runs.push(steps);
          return read.map((t) => zeros(t.shape, "f32"));
        },
        dispose() {},
      }) as unknown as WebGpuExecutor,
  };
  const [row] = await collect(benchMatmul({ gpu: wrong, cpu: null, sizes: [{ form: "NT", M: 8, N: 8, K: 8 }] }));
  expect(row).toMatchObject({ verified: false, gpuMs: null, gflops: null });
  expect(runs).toEqual([1]);
});
