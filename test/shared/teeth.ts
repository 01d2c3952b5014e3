import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { conform } from "../../src/backend/webgpu/conform.ts";
import type { AnyOp, OpCase } from "../../src/graph/op.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import type { Mutant } from "../gpu/mutants.ts";
import { openGpu, opNamed } from "./gpu.ts";

/**
 * Which case caught a wrong kernel: it is tried first, the others only where it does not. Under CHAINRULE_CAUGHT_BY=write
 * the file is written anew, with the shortest code that catches: `npx vitest run --project gpu teeth --maxWorkers 1`.
 */
const FILE = new URL("../gpu/mutants/caught-by.json", import.meta.url);
const caughtBy = JSON.parse(readFileSync(FILE, "utf8")) as Record<string, string>;
const writing = process.env.CHAINRULE_CAUGHT_BY === "write";

/** Expects some case, by default of the op's own, to show that the wrong kernel is wrong. */
export async function expectCaught(
  gpu: WebGpuBackend,
  op: AnyOp,
  { kernel: name, what, from, to, ...given }: Mutant,
  cases?: readonly OpCase<unknown>[],
): Promise<void> {
  const kernel = op.kernels.find((k) => k.name === name)!;
  const { vendor = gpu.gpu.caps.vendor, architecture = gpu.gpu.caps.architecture } = given;
  const caps = { ...gpu.gpu.caps, vendor, architecture };
  const edit = (code: string): string => code.replace(from, to);
  // Where nothing is changed the kernel is right, and need not run.
  const changed = (cases ?? (await proofOf(op)).cases).flatMap((c) => {
    const codes = kernel.plan(c.inputs, op.infer(c.inputs, c.attrs), c.attrs, caps)?.launches.map((l) => l.code) ?? [];
    return codes.some((code) => edit(code) !== code) ? [{ c, length: codes.join("").length }] : [];
  });
  expect(changed, "cases in whose code the mutation found its place").not.toEqual([]);
  const mutant = `${name}: ${what}`;
  const first = writing ? undefined : changed.find(({ c }) => c.name === caughtBy[mutant]);
  const order = first ? [first, ...changed] : changed.sort((a, b) => a.length - b.length);
  let caught: string | null = null;
  for (const { c } of order) {
    const result = await conform(gpu.gpu, op, kernel, c, { caps, edit });
    if (result?.pass === false) caught = c.name;
    if (caught !== null) break;
  }
  expect(caught).not.toBeNull();
  if (writing) note(mutant, caught!);
}

function note(mutant: string, by: string): void {
  caughtBy[mutant] = by;
  const sorted = Object.fromEntries(Object.entries(caughtBy).sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(FILE, `${JSON.stringify(sorted, null, 2)}\n`);
}

/** Declares a test for each wrong kernel: some case of its op catches it. */
export function teethTests(mutants: readonly Mutant[]): void {
  let gpu: WebGpuBackend;
  beforeAll(async () => {
    gpu = await openGpu();
  });
  afterAll(() => gpu.dispose());
  test.each(mutants)("$kernel: $what", async (mutant) => expectCaught(gpu, opNamed(mutant.op), mutant));
}
