import type { WebGpuDevice } from "../../src/backend/webgpu/device.ts";
import { conformAll } from "../../src/check/conformance.ts";
import { ops } from "../../src/ops/all.ts";
import { halfOps } from "../../src/ops/half/ops.ts";

export interface ConformanceReport {
  runs: number;
  readonly wrong: string[];
}

/** Of those that have the word in their name, a part: whose place in the list leaves `index` when divided by `of`. */
export interface Shard {
  readonly index: number;
  readonly of: number;
  readonly match: string;
}

export const inShard = <T extends { readonly name: string }>(all: readonly T[], { index, of, match }: Shard): T[] =>
  all.filter(({ name }) => name.includes(match)).filter((_, i) => i % of === index);

/** Every kernel of this shard's ops on every case; `say` is told of each op. */
export async function conformOps(
  gpu: WebGpuDevice,
  shard: Shard,
  report: ConformanceReport,
  say: (line: string) => void,
): Promise<void> {
  for (const op of inShard([...ops, ...halfOps], shard)) {
    const start = performance.now();
    const results = await conformAll(gpu, [op]);
    const failed = results.filter((r) => !r.pass);
    report.runs += results.length;
    report.wrong.push(...failed.map((r) => `${r.kernel} (${r.case}): ${r.reason}`));
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    say(
      `conformance of ${op.name}: ${results.length - failed.length} of ${results.length} kernel runs right, ${seconds} s`,
    );
    for (const r of failed) say(`WRONG ${r.kernel} (${r.case}): ${r.reason}`);
  }
}
