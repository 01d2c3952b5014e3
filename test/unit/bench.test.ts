import { expect, test } from "vitest";
import type { Backend } from "../../src/backend/executor.ts";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { benchConvolutions, type ConvolutionRow } from "../../src/bench/convolution.ts";
import type { ConvolutionSize } from "../../src/bench/convolution-problem.ts";
import { crossoverWidth, crossoverWidths } from "../../src/bench/crossover.ts";
import { parseReport } from "../../src/bench/parse-report.ts";
import { emptyReport, wrongRows } from "../../src/bench/report.ts";
import { measureInTurns, timing } from "../../src/bench/stats.ts";
import { reportMarkdown } from "../../src/bench/tables.ts";

const row = (width: number, gpuMs: number | null, cpuMs: number | null) => ({
  width,
  batch: 32,
  verified: gpuMs !== null && cpuMs !== null,
  gpuMs,
  cpuMs,
});
const environment = { date: "2026-01-01T00:00:00Z", chainrule: "0", runtime: "test", processor: "none", adapter: null };

test("a timing keeps every sample and orders its own copy", () => {
  const t = timing([5, 1, 9, 3, 7]);
  expect(t).toEqual({ median: 5, low: 1, high: 9, samples: 5, all: [5, 1, 9, 3, 7] });
});

test("contestants take turns, forward in one round and backward in the next", async () => {
  const order: string[] = [];
  const work = (name: string) => async (n: number) => {
    order.push(name);
    const end = performance.now() + n;
    while (performance.now() < end);
  };
  const times = await measureInTurns([work("a"), work("b"), work("c")], { samples: 3, sampleMs: 2 });
  expect(order.slice(-9).join("")).toBe("abccbaabc");
  expect(times).toHaveLength(3);
  for (const t of times) {
    expect(t.samples).toBe(3);
    expect(t.low).toBeGreaterThanOrEqual(0.99);
  }
});

test("an aborted measurement ends at once", async () => {
  const abort = new AbortController();
  let runs = 0;
  const work = async () => {
    if (++runs === 3) abort.abort(new Error("stop"));
  };
  await expect(measureInTurns([work], { signal: abort.signal })).rejects.toThrow("stop");
  expect(runs).toBe(3);
});

test("the crossover is the width from which the GPU stays ahead", () => {
  expect(crossoverWidth([row(4, 9, 1), row(8, 5, 5), row(16, 4, 8), row(32, 4, 20)])).toBe(16);
  // A lucky width does not count when the next is lost again; a wrong one says nothing.
  expect(crossoverWidth([row(4, 1, 2), row(8, 9, 3), row(16, 2, 4)])).toBe(16);
  expect(crossoverWidth([row(4, 1, 2), row(8, null, 3), row(16, 2, 4)])).toBe(4);
  expect(crossoverWidth([row(4, 2, 1), row(8, 3, 2)])).toBeNull();
  expect(crossoverWidth([])).toBeNull();
  expect(crossoverWidths(16)).toEqual([4, 8, 16]);
});

test("a report names what was wrong, and says so in its tables", () => {
  const report = emptyReport(environment);
  report.ceilings.push({ name: "fma", what: "adds", verified: true, value: 50, unit: "GFLOP/s", ms: timing([1]) });
  const product = { form: "NN", M: 2, N: 2, K: 2, kernel: "matmul/naive", cpuMs: null, cpuGflops: null } as const;
  const ms = timing([2, 2, 4]);
  report.products.push({ ...product, name: "good", verified: true, firstMs: 9, gpuMs: ms, gbps: 1, gflops: 25 });
  report.products.push({ ...product, name: "bad", verified: false, firstMs: 9, gpuMs: null, gbps: null, gflops: null });
  report.crossover.push(row(4, 2, 1));
  expect(wrongRows(report)).toEqual(["bad"]);
  const text = reportMarkdown(report);
  expect(text).toContain("matmul/naive: WRONG");
  expect(text).toMatch(/\| good \| matmul\/naive \| 9 \| 2 \(2-4\) \| 25 \| 50\.0 % \|/);
  expect(text).toContain("No crossover");
  expect(text).toContain("Stopped before the end");
  report.complete = true;
  expect(reportMarkdown(report)).not.toContain("Stopped before the end");
});

const small: readonly ConvolutionSize[] = (["forward", "input", "weight"] as const).map((form) => ({
  form,
  x: [2, 3, 5, 4],
  w: [4, 3, 3, 3],
}));

/** The reference, whose results are changed before anyone sees them. */
function changed(change: (data: Float32Array) => void): Backend {
  return {
    ...referenceBackend(),
    async compile(graph, options) {
      const executor = await referenceBackend().compile(graph, options);
      const right = executor.run.bind(executor);
      return Object.assign(executor, {
        run: async (...given: Parameters<typeof right>) => {
          const results = await right(...given);
          for (const { data } of results) change(data as Float32Array);
          return results;
        },
      });
    },
  };
}

async function rowsOf(cpu: Backend, signal?: AbortSignal): Promise<ConvolutionRow[]> {
  const rows: ConvolutionRow[] = [];
  for await (const row of benchConvolutions({ gpu: null, cpu, sizes: small, signal })) rows.push(row);
  return rows;
}

test("convolutions are timed where they are right, and not where one element is off", async () => {
  const right = await rowsOf(referenceBackend());
  expect(right.map((r) => [r.form, r.verified, r.cpuMs !== null])).toEqual(
    ["forward", "input", "weight"].map((form) => [form, true, true]),
  );
  const corner = changed((data) => {
    data[0]! += 1e-3;
  });
  for (const row of await rowsOf(corner)) expect(row).toMatchObject({ verified: false, cpuMs: null, cpuGflops: null });
  const report = emptyReport(environment);
  report.convolutions.push(...right);
  expect(reportMarkdown(report)).toContain("| conv 2x3x5x4 to 4, 3x3, weight | none |");
});

test("an aborted benchmark of convolutions ends before the next", async () => {
  await expect(rowsOf(referenceBackend(), AbortSignal.abort())).rejects.toMatchObject({ code: "aborted" });
});

test("a report from before there were convolutions is read", () => {
  const { convolutions, ...old } = JSON.parse(JSON.stringify(emptyReport(environment)));
  expect(convolutions).toEqual([]);
  expect(parseReport(old).convolutions).toEqual([]);
});
