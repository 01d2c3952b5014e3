import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../scripts/wasm.mjs";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { conformGraph } from "../../src/check/conformance.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import type { Mutant } from "../wasm/mutants.ts";
import { opNamed } from "./gpu.ts";

/** Files whose code can reach the same op: linear is a product, a bias and an activation; norms share loops. */
const families: Readonly<Record<string, string>> = Object.fromEntries([
  ...["panels", "turn", "product", "bias", "activation", "activations"].map((file) => [file, "net"]),
  ...["attention", "attention-products"].map((file) => [file, "attention"]),
  ...["conv", "conv-planes", "conv-weights"].map((file) => [file, "conv"]),
  ...["max-pool", "avg-pool", "windows"].map((file) => [file, "pool"]),
  ...["batch-norm", "group-norm", "rms-norm", "stretch"].map((file) => [file, "stretch"]),
]);
const familyOf = (m: Mutant): string => families[m.file] ?? m.file;
/** Everything calls these, so their mutants have a build to themselves. */
const alone = ["math", "random"];

/** One build serves several mutants where none can hide behind another: one of a family. */
function rounds(all: readonly Mutant[]): Mutant[][] {
  const out: Mutant[][] = [];
  for (const m of all) {
    const free = out.find((round) => round.every((o) => !alone.includes(o.file) && familyOf(o) !== familyOf(m)));
    if (free && !alone.includes(m.file)) free.push(m);
    else out.push([m]);
  }
  return out;
}

/** Declares a test for each wrong kernel: the cases of its ops catch it. */
export function wasmTeethTests(mutants: readonly Mutant[]): void {
  describe.each(rounds(mutants).map((round, i) => [i + 1, round] as const))("wrong build %i", (_i, round) => {
    const places = new Map<Mutant, number>();
    let backend: Backend;
    beforeAll(async () => {
      const edit = (text: string, name: string): string => {
        let edited = text;
        for (const m of round.filter((r) => name.endsWith(`wasm/${r.file}.ts`))) {
          places.set(m, Math.max(places.get(m) ?? 0, edited.split(m.from).length - 1));
          edited = edited.replaceAll(m.from, m.to);
        }
        return edited;
      };
      const [bytes, lateBytes] = await Promise.all(
        (["index", "late"] as const).map((entry) => compile(["--optimizeLevel", "0"], edit, entry)),
      );
      backend = await wasmBackend({ bytes: bytes!, lateBytes: lateBytes!, threads: 1 });
    }, 60_000);
    afterAll(() => backend.dispose());

    test.each(round.map((m) => [`${m.ops.join(", ")}: ${m.what}`, m] as const))("%s", async (_name, m) => {
      expect(places.get(m), "the mutation found its place in the source").toBeGreaterThan(0);
      for (const name of m.ops) {
        const op = opNamed(name);
        let caught = false;
        for (const c of (await proofOf(op)).cases) caught ||= !(await conformGraph(backend, op, c)).pass;
        expect(caught, `${name} notices`).toBe(true);
      }
    });
  });
}
