import { CEILING_WORKGROUP, copyCeiling, fillCeiling, readCeiling } from "../../shaders/ceilings.ts";
import type { WebGpuBackend } from "../backend/webgpu/backend.ts";
import { Launcher } from "../backend/webgpu/launcher.ts";
import type { Binding } from "../graph/op.ts";
import { type Ceiling, type CeilingOptions, GROUPS, launch, whole } from "./ceiling.ts";
import { measure } from "./stats.ts";

/** Copying and reading an array that is larger than any cache. */
export async function* bandwidth(gpu: WebGpuBackend, { signal, edit }: CeilingOptions): AsyncGenerator<Ceiling> {
  const { maxStorageBufferBindingSize, maxBufferSize } = gpu.gpu.caps;
  const wanted = gpu.gpu.caps.onCpu ? 2 ** 26 : 2 ** 28;
  const bytes = Math.min(wanted, maxStorageBufferBindingSize, maxBufferSize);
  const words = Math.floor(bytes / 16);
  const launcher = new Launcher(gpu.gpu, [words * 16, words * 16]);
  const prepare = (code: string, bindings: readonly Binding[]) =>
    launcher.prepare(launch(code, bindings, { words }, GROUPS, edit), "ceiling bandwidth");
  try {
    (await prepare(fillCeiling(), [whole(0, "read_write")]))(1);
    const both = [whole(0, "read"), whole(1, "read_write")];
    const copy = await prepare(copyCeiling(), both);
    copy(1);
    const size = `${Math.round((words * 16) / 2 ** 20)} MiB`;
    yield await timed(
      { name: "copy", what: `copying ${size}, read and written bytes`, unit: "GB/s" },
      await isCopied(launcher, words * 4),
      copy,
      words * 32,
    );
    const sum = await prepare(readCeiling(), both);
    sum(1);
    yield await timed(
      { name: "read", what: `reading ${size}`, unit: "GB/s" },
      await isSummed(launcher, words * 4),
      sum,
      words * 16,
    );
  } finally {
    launcher.dispose();
  }

  async function timed(
    row: Pick<Ceiling, "name" | "what" | "unit">,
    verified: boolean,
    submit: (n: number) => void,
    moved: number,
  ): Promise<Ceiling> {
    if (!verified) return { ...row, verified, value: null, ms: null };
    const work = (n: number): Promise<void> => {
      submit(n);
      return launcher.done();
    };
    const ms = await measure(work, { samples: 5, sampleMs: 60, signal });
    return { ...row, verified, value: moved / ms.median / 1e6, ms };
  }
}

/** Windows at the start, the end and between hold their own indices. */
async function isCopied(launcher: Launcher, words: number): Promise<boolean> {
  const count = Math.min(4096, words);
  for (const at of [0, 0.3, 0.6, 1]) {
    const first = Math.floor(((words - count) * at) / 4) * 4;
    const found = await launcher.read(1, first, count);
    if (!found.every((v, i) => v === first + i)) return false;
  }
  return true;
}

/** All partial sums together are 0 + 1 + ... + (words - 1), mod 2^32. */
async function isSummed(launcher: Launcher, words: number): Promise<boolean> {
  let sum = 0n;
  const parts = GROUPS * CEILING_WORKGROUP * 4;
  for (let first = 0; first < parts; first += 16384) {
    for (const v of await launcher.read(1, first, 16384)) sum += BigInt(v);
  }
  const exact = (BigInt(words) * BigInt(words - 1)) / 2n;
  return BigInt.asUintN(32, sum) === BigInt.asUintN(32, exact);
}
