/// <reference path="../ambient.d.ts" preserve="true" />
import { ChainruleError } from "../../core/errors.ts";
import type { Graph, Node } from "../../graph/graph.ts";
import type { CompileOptions } from "../executor.ts";
import { kernelNames } from "./instance.js";
import { callsOf, layProgram, type Program } from "./program.ts";

/** The compiled kernels, and what the engine allows. */
export interface WasmModule {
  /** A graph's program, and the modules that it calls: the second is loaded for the first graph that needs it. */
  lay(
    g: Graph,
    options?: CompileOptions,
  ): Promise<{ readonly program: Program; readonly modules: readonly WebAssembly.Module[] }>;
  /** True where the memory is shared, so that threads may help. */
  readonly shared: boolean;
  readonly relaxed: boolean;
}

export interface ModuleOptions {
  /** False asks for memory that is not shared, as in a page that is not isolated. */
  readonly shared?: boolean;
  /** False asks for the build without relaxed SIMD. */
  readonly relaxed?: boolean;
  /** Other bytes than the ones that came with the library: for tests with wrong kernels. */
  readonly bytes?: Uint8Array;
  /** The same of the second module. */
  readonly lateBytes?: Uint8Array;
}

/** Modules of one function that uses one instruction: f32x4.splat, and f32x4.relaxed_madd. */
const SIMD = [0x41, 0x00, 0xfd, 0x11, 0x1a, 0x0b];
const RELAXED = [...Array(3).fill([0x43, 0, 0, 0, 0, 0xfd, 0x13]).flat(), 0xfd, 0x85, 0x02, 0x1a, 0x0b];

function validates(body: readonly number[]): boolean {
  const header = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
  const type = [0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00];
  const code = [0x0a, body.length + 3, 0x01, body.length + 1, 0x00, ...body];
  return WebAssembly.validate(new Uint8Array([...header, ...type, ...code]));
}

/** Compiles the build that suits the engine. Throws ChainruleError("adapter") where WebAssembly or SIMD is missing. */
export async function loadModule(options: ModuleOptions = {}): Promise<WasmModule> {
  if (typeof WebAssembly === "undefined") throw new ChainruleError("adapter", "there is no WebAssembly here");
  if (!validates(SIMD)) throw new ChainruleError("adapter", "this engine's WebAssembly has no SIMD");
  const useRelaxed = (options.relaxed ?? true) && validates(RELAXED);
  const shared = (options.shared ?? true) && typeof SharedArrayBuffer !== "undefined";
  const compiled = async (given: Uint8Array | undefined, built: () => Promise<{ bytes: string }>) => {
    const bytes = given?.slice() ?? decode((await built()).bytes);
    if (!shared) unshare(bytes);
    try {
      return await WebAssembly.compile(bytes as Uint8Array<ArrayBuffer>);
    } catch (error) {
      throw new ChainruleError("adapter", `WebAssembly could not be compiled: ${String(error)}`);
    }
  };
  const builds = useRelaxed ? relaxed : plain;
  const first = await compiled(options.bytes, builds.first);
  let second: Promise<WebAssembly.Module> | null = null;
  return {
    async lay(g, compile = {}) {
      const nodes = await arranged(g, compile);
      const calls = callsOf(nodes);
      const own = new Set(kernelNames([first]));
      const dense = [...calls.values()].every((plan) => plan.calls.every(({ fn }) => own.has(fn)));
      if (!dense) second ??= compiled(options.lateBytes, builds.late);
      const modules = dense ? [first] : [first, await second!];
      return { program: layProgram(g, { ...compile, nodes }, calls, kernelNames(modules)), modules };
    },
    shared,
    relaxed: useRelaxed,
  };
}

/** The nodes as their ops would have them here; as they are where every value is to be kept. */
async function arranged(g: Graph, { nodes = g.nodes, keepAll }: CompileOptions): Promise<readonly Node[]> {
  const ways = new Set(keepAll ? [] : nodes.flatMap(({ op }) => op.arrange ?? []));
  for (const way of ways) nodes = (await way())(nodes, g.kept);
  return nodes;
}

/** Only the build that is wanted is loaded: each is a third of what the page weighs. */
const relaxed = {
  first: () => import("./generated/relaxed.ts"),
  late: () => import("./generated/relaxed-late.ts"),
};
const plain = { first: () => import("./generated/plain.ts"), late: () => import("./generated/plain-late.ts") };

function decode(hex: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/**
 * Turns the import of shared memory into one of plain memory, by its one flag; all else is the same code. The import
 * reads: "memory" with its length before it, kind 2 (memory), then the flags: 3 is shared with a maximum, 1 is not.
 */
function unshare(bytes: Uint8Array): void {
  const mark = [6, ...new TextEncoder().encode("memory"), 2, 3];
  const at = bytes.findIndex((_, i) => mark.every((b, k) => bytes[i + k] === b));
  if (at < 0) throw new ChainruleError("adapter", "the module's import of memory was not found");
  bytes[at + mark.length - 1] = 1;
}
