import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../scripts/wasm.mjs";
import type { Backend } from "../../src/backend/executor.ts";
import { wasmBackend } from "../../src/backend/wasm/backend.ts";
import { conformGraph } from "../../src/check/conformance.ts";
import { proofOf } from "../../src/proof/proof-of.ts";
import type { Mutant } from "../wasm/mutants.ts";
import { opNamed } from "./gpu.ts";

const entries = ["index", "late"] as const;
type Entry = (typeof entries)[number];
type Edit = (text: string, name: string) => string;

function textOf(file: string): string {
  return readFileSync(new URL(`../../wasm/${file}.ts`, import.meta.url), "utf8");
}

/** The files that a module, or another file, is made of, by the imports of each. */
function filesOf(file: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, name] of textOf(file).matchAll(/from "\.\/([\w-]+)"/g)) filesOf(name!, found);
  return found;
}
const files = new Map(entries.map((entry) => [entry, filesOf(entry)] as const));

/** The file of each function that a program of the CPU's may call. */
const homes = new Map(
  [...new Set(entries.flatMap((entry) => [...files.get(entry)!]))].flatMap((file) =>
    [...textOf(file).matchAll(/export function (\w+)/g)].map(([, name]) => [name!, file] as const),
  ),
);

/** All files whose code some case of an op runs. */
async function reachOf(name: string): Promise<ReadonlySet<string>> {
  const op = opNamed(name);
  const reach = new Set<string>();
  for (const { inputs, attrs } of (await proofOf(op)).cases) {
    for (const { fn } of op.wasm?.(inputs, op.infer(inputs, attrs), attrs)?.calls ?? []) filesOf(homes.get(fn)!, reach);
  }
  return reach;
}

/** One build serves several mutants where none can hide behind another: no op of theirs runs code of the others' files. */
async function rounds(all: readonly Mutant[]): Promise<Mutant[][]> {
  const reaches = new Map<string, ReadonlySet<string>>();
  for (const name of new Set(all.flatMap(({ ops }) => ops))) reaches.set(name, await reachOf(name));
  const touches = (m: Mutant, o: Mutant): boolean => m.ops.some((name) => reaches.get(name)!.has(o.file));
  const out: Mutant[][] = [];
  for (const m of all) {
    const free = out.find((round) => !round.some((o) => touches(m, o) || touches(o, m)));
    if (free) free.push(m);
    else out.push([m]);
  }
  return out;
}

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
export async function wasmTeethTests(mutants: readonly Mutant[]): Promise<void> {
  const builds = await rounds(mutants);
  describe.each(builds.map((round, i) => [i + 1, round] as const))("wrong build %i", (_i, round) => {
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
