import { readFileSync } from "node:fs";
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

const entries = ["index", "late"] as const;
type Entry = (typeof entries)[number];
type Edit = (text: string, name: string) => string;

/** The files that a module is made of, by the imports of each. */
function filesOf(file: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(file)) return found;
  found.add(file);
  const text = readFileSync(new URL(`../../wasm/${file}.ts`, import.meta.url), "utf8");
  for (const [, name] of text.matchAll(/from "\.\/([\w-]+)"/g)) filesOf(name!, found);
  return found;
}
const files = new Map(entries.map((entry) => [entry, filesOf(entry)] as const));

/** A module of which a wrong build changes nothing is compiled once for all of them. */
const unchanged = new Map<Entry, Promise<Uint8Array<ArrayBuffer>>>();

async function built(entry: Entry, round: readonly Mutant[], edit: Edit): Promise<Uint8Array<ArrayBuffer>> {
  const level = ["--optimizeLevel", "0"];
  if (round.some(({ file }) => files.get(entry)!.has(file))) return compile(level, edit, entry);
  const made = unchanged.get(entry) ?? compile(level, (text) => text, entry);
  unchanged.set(entry, made);
  return made;
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
      const [bytes, lateBytes] = await Promise.all(entries.map((entry) => built(entry, round, edit)));
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
