import { describe, expect, test } from "vitest";
import { checkOp } from "../../../src/check/op.ts";
import type { AnyOp } from "../../../src/graph/op.ts";
import { embedding } from "../../../src/ops/embedding/embedding.ts";
import { adaptiveAvgPool, avgPool } from "../../../src/ops/pool/avg-pool.ts";
import { maxPool } from "../../../src/ops/pool/max-pool.ts";
import { proofOf } from "../../../src/proof/proof-of.ts";

/** The op with every gradient of its rule changed. */
async function changed(op: AnyOp, change: (v: number) => number): Promise<AnyOp> {
  const rule = op.gradient as Exclude<AnyOp["gradient"], "none">;
  return {
    ...op,
    proof: await proofOf(op),
    gradient: (g, node, dys) =>
      rule(g, node, dys).map(
        (dx) =>
          dx &&
          g.one<null>(
            {
              name: "changed",
              infer: ([x]) => [x!],
              reference: ([x]) => [{ ...x!, data: x!.data.map(change) as typeof x.data }],
              gradient: "none",
              kernels: [],
              proof: { cases: [] },
            },
            [dx],
            null,
          ),
      ),
  };
}

describe.each<readonly [string, AnyOp]>([
  ["maxPool", maxPool],
  ["avgPool", avgPool],
  ["adaptiveAvgPool", adaptiveAvgPool],
  ["embedding", embedding],
])("%s", (_name, op) => {
  test("its gradient is what central differences say, ties included", async () => {
    const report = await checkOp(op, { backend: null });
    expect(report.reason).toBe("");
    expect(report.gradients.length).toBeGreaterThan(5);
    // On ties there is no slope; most elements are on none, and without ties all are looked at.
    for (const { case: name, result } of report.gradients) {
      const most = Math.min(result.size, 64);
      if (name.includes("padding")) expect(result.checked, name).toBeGreaterThan(most / 3);
      else if (!name.endsWith("ties")) expect(result.checked, name).toBe(most);
      else expect(result.checked, name).toBeGreaterThan(most / 4);
    }
  });

  test.each([
    ["twice as large", (v: number) => 2 * v],
    ["of the other sign", (v: number) => -v],
    ["a little too large", (v: number) => 1.001 * v],
  ])("a gradient %s is noticed", async (_what, change) => {
    expect((await checkOp(await changed(op, change), { backend: null })).pass).toBe(false);
  });
});
