/// <reference path="../ambient.d.ts" preserve="true" />
import { isMainThread } from "node:worker_threads";
import { ChainruleError } from "../../core/errors.ts";
import { packagedHome } from "../../platform/packaged.ts";
import { restBetweenPolls } from "../../platform/polls.ts";
import { keepingStderr, writeLines } from "../../platform/quiet.ts";
import { hasSystemVulkanDriver, loadVulkanLoader, swiftshaderEnv, systemEnv, withEnv } from "../../platform/vulkan.ts";

/**
 * WebGPU in Node, through Dawn (npm `webgpu`). The system's own GPU driver comes first; on Linux x64 without one,
 * SwiftShader, a Vulkan driver that runs on the CPU: slow, but right.
 */
export interface NodeGpuOptions {
  /** Dawn's backend by name: "vulkan", "d3d12", "metal", "null" (computes nothing: for tests of tests). */
  readonly backend?: string | undefined;
  /** Part of an adapter's name as listNodeAdapters gives it. */
  readonly adapter?: string | undefined;
  /** Dawn's own options, such as "enable-dawn-features=nonzero_clear_resources_on_creation_for_testing". */
  readonly flags?: readonly string[] | undefined;
  /**
   * Offers what Dawn has only behind its switch for unsafe APIs: matrix instructions, for products of halves. By default
   * what CHAINRULE_EXPERIMENTAL=1 says.
   */
  readonly experimental?: boolean | undefined;
  /** Keeps off stderr what Dawn remarks on drivers that serve or are passed over: for commands, whose stderr people read. Default false. */
  readonly quiet?: boolean | undefined;
}

/** Where an adapter comes from: a driver on the system, or the SwiftShader in npm @sparticuz/chromium. */
export type AdapterSource = "system" | "swiftshader";

/** An adapter that Dawn sees on this machine. */
export interface NodeAdapter {
  /** Where it comes from. */
  readonly source: AdapterSource;
  /** What Dawn drives it by: "vulkan", "d3d12", "metal". */
  readonly backend: string;
  /** What it calls itself. */
  readonly name: string;
}

/**
 * Flags under which fresh buffers hold 0x01010101 words instead of zeros, and workgroup memory what was there before, so
 * that code that counts on zeros is seen. SwiftShader also compiles kernels with much workgroup memory eight times faster.
 * The first toggle alone shows nothing, since Dawn still clears on first use. As an f32 the word is 2.4e-38: sums
 * hide it, so tests of sums must write their own sentinels (NaN) into what a kernel should not read.
 */
export const DIRTY_MEMORY: readonly string[] = [
  "enable-dawn-features=nonzero_clear_resources_on_creation_for_testing,disable_workgroup_init",
  "disable-dawn-features=lazy_clear_resource_on_first_use",
];

interface Dawn {
  create(flags: string[]): GPU;
  readonly globals: Record<string, unknown>;
}

/** Every GPU object made: Dawn crashes the process when one is collected while anything of it is alive. */
const alive: GPU[] = [];

/**
 * A working navigator.gpu for Node: at least one adapter was seen. Throws ChainruleError("adapter") otherwise. From then on
 * the global setImmediate keeps Dawn from asking in every turn of the event loop what is done; other calls are as before.
 */
export async function createNodeGpu(options: NodeGpuOptions = {}): Promise<GPU> {
  const dawn = await loadDawn();
  restBetweenPolls();
  const experimental = options.experimental ?? experimentalByDefault();
  const flags = experimental ? withFeature(options.flags ?? [], "allow_unsafe_apis") : [...(options.flags ?? [])];
  if (options.backend !== undefined) flags.push(`backend=${options.backend}`);
  if (options.adapter !== undefined) flags.push(`adapter=${options.adapter}`);
  const failures: string[] = [];
  const said = options.quiet ? [] : undefined;
  for (const source of options.backend === "null" ? (["system"] as const) : sources()) {
    const gpu = dawn.create(flags);
    alive.push(gpu);
    try {
      if (await probe(gpu, source, said)) return gpu;
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new ChainruleError(
    "adapter",
    [`No WebGPU adapter in Node. ${advice()}`, ...failures, ...(said ?? [])].join("\n"),
  );
}

function experimentalByDefault(): boolean {
  const given = process.env.CHAINRULE_EXPERIMENTAL ?? "";
  if (!["", "0", "1"].includes(given)) {
    throw new ChainruleError("usage", `CHAINRULE_EXPERIMENTAL is "${given}"; it can be 1 or 0.`);
  }
  return given === "1";
}

/** Dawn reads one list of features, the last that it is given. */
function withFeature(flags: readonly string[], name: string): string[] {
  const prefix = "enable-dawn-features=";
  const given = flags.filter((f) => f.startsWith(prefix)).map((f) => f.slice(prefix.length));
  return [...flags.filter((f) => !f.startsWith(prefix)), prefix + [...given, name].join()];
}

/** All adapters that Dawn sees here, the system's first. What drivers write to stderr meanwhile goes to `said`, if given. */
export async function listNodeAdapters({ said }: { readonly said?: string[] } = {}): Promise<NodeAdapter[]> {
  const dawn = await loadDawn();
  const found: NodeAdapter[] = [];
  for (const source of sources()) {
    // Dawn lists its adapters only in the message for a name that does not exist.
    const gpu = dawn.create(["adapter=(no such adapter)"]);
    alive.push(gpu);
    const message = await probe(gpu, source, said).then(String, String);
    for (const [, backend, name] of message.matchAll(/\* backend: '(.*?)', name: '(.*)'/g)) {
      found.push({ source, backend: backend!, name: name! });
    }
  }
  return found;
}

/** Where to look, in order. CHAINRULE_ADAPTER=system or swiftshader names one. */
function sources(): readonly AdapterSource[] {
  const wanted = process.env.CHAINRULE_ADAPTER;
  if (wanted === "system" || wanted === "swiftshader") return [wanted];
  if (wanted) {
    throw new ChainruleError("usage", `CHAINRULE_ADAPTER is "${wanted}"; it can be "system" or "swiftshader".`);
  }
  if (process.platform !== "linux") return ["system"];
  // Dawn prints warnings when it finds no driver: ask only where there is one.
  if (!hasSystemVulkanDriver()) return packagedHome() ? ["swiftshader"] : ["system"];
  return packagedHome() ? ["system", "swiftshader"] : ["system"];
}

/** Of every driver that allows more than Dawn has room for, such as Mesa's for a CPU; nothing that anybody can mend. */
const REMARK = /^Warning: maxDynamic\w+ artificially reduced/;

/**
 * Asks for a first adapter. Dawn reads the environment during that call, before it returns its promise. What is written to
 * stderr meanwhile goes to `said`, where that is given, when there is no adapter for it: the next driver is asked, and a
 * machine's Mesa that has none of the GPUs it drives is nothing to read about in every command.
 */
async function probe(gpu: GPU, source: AdapterSource, said?: string[]): Promise<GPUAdapter | null> {
  if (source === "system" && process.platform !== "linux") return await gpu.requestAdapter();
  await loadVulkanLoader();
  const env = source === "swiftshader" ? await swiftshaderEnv() : systemEnv();
  const ask = () => withEnv(env, () => gpu.requestAdapter());
  if (!said) return await ask();
  const { result, lines } = keepingStderr(ask);
  const own = lines.filter((line) => !REMARK.test(line));
  let adapter: GPUAdapter | null = null;
  try {
    adapter = await result;
    return adapter;
  } finally {
    if (adapter) writeLines(own);
    else said.push(...own);
  }
}

async function loadDawn(): Promise<Dawn> {
  let dawn: Dawn;
  try {
    // The package is needed only here; a bundler must not look into it.
    const name = "webgpu";
    dawn = (await import(/* @vite-ignore */ name)) as Dawn;
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    const advice = `run \`npm install webgpu\` (it has builds for Linux, macOS and Windows, x64 and arm64)`;
    throw new ChainruleError("adapter", `WebGPU in Node needs the npm package webgpu: ${advice}. ${detail}`, { cause });
  }
  // GPUBufferUsage, GPUMapMode and the rest, as a browser has them.
  if (!("GPUBufferUsage" in globalThis)) Object.assign(globalThis, dawn.globals);
  return dawn;
}

function advice(): string {
  if (process.platform !== "linux") return "Update the graphics driver, or train on the CPU.";
  if (process.arch !== "x64") return "Install a Vulkan driver (Debian: mesa-vulkan-drivers), or train on the CPU.";
  if (!packagedHome())
    return "Install a Vulkan driver, or `npm install @sparticuz/chromium@147.0.0` for a software one.";
  if (!isMainThread)
    return "A worker thread cannot set the environment that the driver reads: call it in the main thread.";
  return "The Vulkan driver gave none; CHAINRULE_ADAPTER=swiftshader takes the software one.";
}
