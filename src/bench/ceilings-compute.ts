import { CEILING_WORKGROUP, type FmaVariant, fmaCeiling, SHARED_WORDS, sharedCeiling } from "../../shaders/ceilings.ts";
import type { WebGpuBackend } from "../backend/webgpu/backend.ts";
import { Launcher } from "../backend/webgpu/launcher.ts";
import { throwIfAborted } from "../core/abort.ts";
import type { Launch } from "../graph/op.ts";
import { type Ceiling, type CeilingOptions, GROUPS, launch, whole } from "./ceiling.ts";
import { measure, type Timing } from "./stats.ts";

/** Few workgroups suffice for the cores of a CPU. */
const SOFTWARE_GROUPS = 32;
/** Whole numbers in an f32 stay exact up to here. */
const EXACT = 2 ** 24;
/** A dispatch of this length hides its own start. */
const DISPATCH_MS = 20;

const groupsFor = (gpu: WebGpuBackend): number => (gpu.gpu.caps.onCpu ? SOFTWARE_GROUPS : GROUPS);

/** Runs `make(rounds)` with four times the rounds until one dispatch takes DISPATCH_MS; verifies, then times it. */
async function growing(
  launcher: Launcher,
  label: string,
  most: number,
  make: (rounds: number) => Launch,
  expected: (rounds: number, invocation: number) => number,
  signal: AbortSignal | undefined,
): Promise<{ rounds: number; ms: Timing } | null> {
  for (let rounds = 64; ; rounds *= 4) {
    throwIfAborted(signal);
    const submit = await launcher.prepare(make(rounds), label);
    submit(1);
    const words = new Float32Array((await launcher.read(0, 0, CEILING_WORKGROUP * 4)).buffer);
    if (!words.every((v, i) => v === expected(rounds, i >> 2))) return null;
    const start = performance.now();
    submit(1);
    await launcher.done();
    if (performance.now() - start < DISPATCH_MS && rounds * 4 <= most) continue;
    const work = (n: number): Promise<void> => {
      submit(n);
      return launcher.done();
    };
    return { rounds, ms: await measure(work, { samples: 5, sampleMs: 40, signal }) };
  }
}

/** The rate of multiply-adds: the best of several numbers of chains, with the built-in fma and without. */
export async function fma(gpu: WebGpuBackend, { signal, edit }: CeilingOptions): Promise<Ceiling> {
  const row = { name: "fma", what: "f32 multiply-adds, vec4, independent chains", unit: "GFLOP/s" } as const;
  const groups = groupsFor(gpu);
  const launcher = new Launcher(gpu.gpu, [groups * CEILING_WORKGROUP * 16]);
  let best: { value: number; ms: Timing } | null = null;
  try {
    for (const variant of variants) {
      const { chains } = variant;
      const gain = (chains * (chains + 1)) / 2;
      const found = await growing(
        launcher,
        `ceiling fma x${chains}`,
        EXACT / 2 / gain,
        (rounds) => launch(fmaCeiling(variant), [whole(0, "read_write")], { rounds }, groups, edit),
        (rounds, i) => chains * (i % 64) + gain * rounds,
        signal,
      );
      if (!found) return { ...row, verified: false, value: null, ms: null };
      const flops = groups * CEILING_WORKGROUP * chains * 4 * 2 * found.rounds;
      const value = flops / found.ms.median / 1e6;
      if (!best || value > best.value) best = { value, ms: found.ms };
    }
    return { ...row, verified: true, ...best! };
  } finally {
    launcher.dispose();
  }
}

const variants: readonly FmaVariant[] = [4, 8, 16].flatMap((chains) => [
  { chains, builtin: true },
  { chains, builtin: false },
]);

/** The rate at which invocations read their workgroup's memory. */
export async function shared(gpu: WebGpuBackend, { signal, edit }: CeilingOptions): Promise<Ceiling> {
  const row = { name: "shared", what: "reads of workgroup memory, vec4", unit: "GB/s" } as const;
  const groups = groupsFor(gpu);
  const launcher = new Launcher(gpu.gpu, [groups * CEILING_WORKGROUP * 16]);
  try {
    const found = await growing(
      launcher,
      "ceiling shared",
      (EXACT * 2) / SHARED_WORDS,
      (rounds) => launch(sharedCeiling(), [whole(0, "read_write")], { rounds }, groups, edit),
      (rounds, local) => {
        let sum = 0;
        for (let i = 0; i < rounds; i++) sum += (local + i) % SHARED_WORDS;
        return sum;
      },
      signal,
    );
    if (!found) return { ...row, verified: false, value: null, ms: null };
    const bytes = groups * CEILING_WORKGROUP * 16 * found.rounds;
    return { ...row, verified: true, value: bytes / found.ms.median / 1e6, ms: found.ms };
  } finally {
    launcher.dispose();
  }
}
