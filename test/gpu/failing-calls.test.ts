import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cpuBackend } from "../../src/backend/cpu.ts";
import { type WebGpuBackend, webgpuBackend } from "../../src/backend/webgpu/backend.ts";
import { benchMatmul } from "../../src/bench/matmul.ts";
import { checkGradients } from "../../src/check/gradients.ts";
import { ChainruleError } from "../../src/core/errors.ts";
import { rows } from "../../src/core/ndarray.ts";
import { initialise } from "../../src/nn/initialise.ts";
import { parseModel } from "../../src/nn/parse-model.ts";
import { createTrainer } from "../../src/train/create-trainer.ts";
import type { Trainer } from "../../src/train/trainer.ts";
import { failingGpu, type Plan, waysOf } from "../shared/failing-gpu.ts";
import { ring } from "../shared/problems.ts";
import { times } from "../shared/thorough.ts";

/**
 * Every call to WebGPU may fail: each in turn, in each of its ways, while something is done that a user would. What
 * comes out is a typed error or the very result of an undisturbed run; never a hang, another number, or memory left.
 */

/** As few kernels as a net can have: each attempt compiles them anew. */
const tinyNet = parseModel({ layers: [{ type: "linear", in: 2, out: 2, bias: false }], loss: "crossEntropy" });
const data = ring(12);
const options = { model: tinyNet, data, batch: "full", seed: 3, optimizer: { type: "sgd", lr: 0.1 } } as const;
/** CHAINRULE_SWEEP=all fails every call; otherwise those at every so many, from a place that the work's name decides. */
const STRIDE = process.env.CHAINRULE_SWEEP === "all" ? 1 : times(31, 11);
/** Places that are tried where not every call is: where a queue seems to wait slowly, thousands of calls only hurry it. */
const MOST = STRIDE === 1 ? Number.POSITIVE_INFINITY : times(8, 100);
/** Longer than any of this takes; a hang is what ends here. */
const LIMIT_MS = 20_000;
/** What one piece of work takes, its failures in turn: minutes where some are tried, up to an hour where all are. */
const SWEEP_MS = STRIDE === 1 ? 3_600_000 : 240_000;

const unhandled: unknown[] = [];
const note = (error: unknown): void => {
  unhandled.push(error);
};
beforeAll(() => void process.on("unhandledRejection", note));
afterAll(() => void process.off("unhandledRejection", note));

/** Something that a user does; `open` gives trainers that are disposed of afterwards. */
type Work = (backend: WebGpuBackend, open: (t: Promise<Trainer>) => Promise<Trainer>) => Promise<unknown>;

const losses = async (trainer: Trainer, steps: number): Promise<number[]> => {
  const out: number[] = [];
  for await (const m of trainer.run({ steps })) out.push(m.loss);
  return out;
};

const checked: Work = async (backend) => {
  const weights = initialise(tinyNet, 1);
  const report = await checkGradients({
    model: tinyNet,
    weights,
    x: rows(data.x, 0, 4),
    y: rows(data.y, 0, 4),
    backend,
    seed: 1,
  });
  return report.tensors.map((t) => [t.name, t.pass]);
};
/** A driver for a CPU that compiles at the first dispatch, which therefore warms its pipelines (warm.ts): Mesa's. */
const LATE = { vendor: "mesa", architecture: "", device: "", description: "llvmpipe", isFallbackAdapter: true };
const late = "a check of gradients on a driver that compiles late";

const works: Readonly<Record<string, Work>> = {
  "training on the chip, and reading the weights": async (backend, open) => {
    const trainer = await open(createTrainer(backend, options, { cpu: cpuBackend }));
    const seen = await losses(trainer, 12);
    return [seen, [...(await trainer.parameters()).values()].map((w) => [...w.data])];
  },
  "training by dispatches": async (backend, open) => {
    const dispatches = {
      ...backend,
      compile: backend.compile,
      get gpu() {
        return backend.gpu;
      },
    };
    const plain: WebGpuBackend = {
      ...dispatches,
      compile: (g, given) => backend.compile(g, { ...given, onChip: false }),
    };
    const trainer = await open(createTrainer(plain, options));
    return [await losses(trainer, 6), await trainer.evaluate("train")];
  },
  "a copy of the state, and going on from it": async (backend, open) => {
    const trainer = await open(createTrainer(backend, options));
    await losses(trainer, 3);
    const state = await trainer.state();
    trainer.restore(state);
    return [state.step, await losses(trainer, 3)];
  },
  "a check of gradients": checked,
  [late]: checked,
  "a benchmark": async (backend) => {
    const found: unknown[] = [];
    const sizes = [{ form: "NN", M: 8, N: 8, K: 8 }] as const;
    for await (const row of benchMatmul({ gpu: backend, cpu: null, sizes })) found.push([row.name, row.verified]);
    return found;
  },
};

/** What became of it. */
interface Outcome {
  readonly result: string | null;
  readonly error: unknown;
  readonly calls: readonly string[];
  readonly failed: string | null;
  readonly left: number;
}

async function attempt(work: Work, plan: Plan): Promise<Outcome> {
  const { gpu, calls, failed } = failingGpu(navigator.gpu, plan);
  const trainers: Trainer[] = [];
  let backend: WebGpuBackend | null = null;
  const open = async (t: Promise<Trainer>): Promise<Trainer> => {
    trainers.push(await t);
    return t;
  };
  let timer: NodeJS.Timeout | undefined;
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("it hangs")), LIMIT_MS);
  });
  const run = async (): Promise<string> => {
    backend = await webgpuBackend(gpu, { tune: false, retryMs: [0, 1] });
    return JSON.stringify(await work(backend, open));
  };
  let result: string | null = null;
  let error: unknown = null;
  try {
    result = await Promise.race([run(), hang]);
  } catch (cause) {
    error = cause;
  } finally {
    clearTimeout(timer);
  }
  for (const t of trainers) t.dispose();
  (backend as WebGpuBackend | null)?.dispose();
  const left = trainers.reduce((sum, t) => sum + t.memory().liveBytes, 0);
  return { result, error, calls: [...calls], failed: failed(), left };
}

describe("every call may fail", () => {
  for (const [name, work] of Object.entries(works)) {
    test(
      name,
      async () => {
        const start = performance.now();
        const info = name === late ? LATE : undefined;
        const whole = await attempt(work, { at: 0, way: 0, info });
        expect(whole.error).toBeNull();
        // Each pipeline that is warmed has a bind group for it.
        const bound = ({ calls }: Outcome): number => calls.filter((call) => call === "createBindGroup").length;
        if (info) expect(bound(whole)).toBeGreaterThan(bound(await attempt(work, { at: 0, way: 0 })));
        const faults: string[] = [];
        let swept = 0;
        const stride = Math.max(info ? Math.min(STRIDE, 5) : STRIDE, Math.ceil(whole.calls.length / MOST));
        for (let at = 1 + (name.length % stride); at <= whole.calls.length; at += stride) {
          for (let way = 0; way < waysOf(whole.calls[at - 1]!); way++) {
            const outcome = await attempt(work, { at, way, info });
            swept++;
            const about = `call ${at}, ${outcome.failed ?? "nothing"}`;
            if (outcome.error && !(outcome.error instanceof ChainruleError)) faults.push(`${about}: ${outcome.error}`);
            // The CPU, where a run may go on, rounds in its own way.
            const elsewhere = outcome.failed?.startsWith("requestAdapter");
            if (!outcome.error && !elsewhere && outcome.result !== whole.result)
              faults.push(`${about}: another result`);
            if (outcome.left !== 0) faults.push(`${about}: ${outcome.left} bytes left`);
            if (unhandled.length > 0) faults.push(`${about}: unhandled ${unhandled.splice(0).join("; ")}`);
          }
        }
        console.log(
          `${name}: ${whole.calls.length} calls, ${swept} failures in ${Math.round(performance.now() - start)} ms`,
        );
        expect(faults).toEqual([]);
      },
      SWEEP_MS,
    );
  }
});
