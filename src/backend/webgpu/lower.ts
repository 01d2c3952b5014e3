import { paramBlock } from "../../../shaders/params.ts";
import { ChainruleError } from "../../core/errors.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { type ChipValue, type Index, index } from "../../graph/chip.ts";
import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import type { AnyOp, DeviceCaps } from "../../graph/op.ts";
import type { CompileOptions } from "../executor.ts";
import { type ChipLayout, layOut } from "./chip-layout.ts";
import { ChipText, type ChipWidth, TooLong } from "./chip-writer.ts";

/** A graph as one kernel of one workgroup, which runs any number of steps in a dispatch. */
export interface Lowered {
  /** Entry point `main`; uniform at 0, the saved words at 1, then the bound buffers in order. */
  readonly code: string;
  readonly layout: ChipLayout;
  readonly width: ChipWidth;
  /** Statements that a step runs, over all invocations: what it costs. */
  readonly work: number;
}

/** Why a graph has no such kernel. */
export interface NotLowered {
  readonly reason: string;
}

export interface LowerOptions {
  /** Invocations; chosen by the work of a step where absent. */
  readonly width?: ChipWidth;
  readonly keepAll?: boolean;
}

/** Steps of the dispatch. */
export const chipParams = paramBlock({ steps: "u32" });

/** Statements up to which one invocation runs a step with every loop written out: more would take long to compile. */
const WRITTEN_OUT = 4000;
/** Statements of a step that no single workgroup should run, whoever asks. */
const MOST_WORK = 2 ** 24;
/** Invocations of a step that is too long to be written out. */
const WIDTH = 64;
/** Bytes that a reduction takes beside the values. */
const REDUCTION_BYTES = 4 * (256 + 16);

/**
 * Lowers the graph's own nodes (a fusion saves nothing here, where values never leave the chip) to one kernel, or says
 * why it cannot be done. Pure.
 */
export function lowerOnChip(g: Graph, caps: DeviceCaps, options: LowerOptions = {}): Lowered | NotLowered {
  const stranger = g.nodes.find(({ op }) => !op.view && !(op as AnyOp).onChip);
  if (stranger) return { reason: `${stranger.op.name} has no form for the chip` };
  const room = caps.maxComputeWorkgroupStorageSize - REDUCTION_BYTES;
  const layout = layOut(g, options.keepAll ?? false, room);
  if (layout.chipBytes > room) {
    return { reason: `a step's values take ${layout.chipBytes} bytes, a workgroup has ${room}` };
  }
  const bindings = layout.bound.length + 1;
  if (bindings > caps.maxStorageBuffersPerShaderStage) {
    return { reason: `${bindings} buffers, a kernel may bind ${caps.maxStorageBuffersPerShaderStage}` };
  }
  const wide = Math.min(WIDTH, caps.maxComputeInvocationsPerWorkgroup) >= WIDTH ? WIDTH : 16;
  if (options.width !== undefined) return write(g, layout, options.width) ?? { reason: "a step is too long" };
  return write(g, layout, 1) ?? write(g, layout, wide) ?? { reason: `a step takes more than ${MOST_WORK} statements` };
}

/** Statements of a step up to which one workgroup is the better choice; bench/NOTES.md. */
const SMALL_STEP = 20_000;

/** What a graph is compiled to: the kernel for the chip, or null for a dispatch or more a node. */
export function chooseLowering(g: Graph, caps: DeviceCaps, options: CompileOptions): Lowered | null {
  if (options.onChip === false) return null;
  const forced = options.onChip === true;
  if (options.kernel && !forced) return null;
  const lowered = lowerOnChip(g, caps, options);
  if ("reason" in lowered) {
    if (!forced) return null;
    throw new ChainruleError("limit", `this graph cannot run on the chip: ${lowered.reason}`);
  }
  return forced || lowered.work <= SMALL_STEP ? lowered : null;
}

/** The kernel for a number of invocations, or null where it grows too long. */
function write(g: Graph, layout: ChipLayout, width: ChipWidth): Lowered | null {
  const values = new ChipValues(g, layout, width);
  const shares = layout.bound.some((b) => layout.written.has(b));
  const text = new ChipText(
    width,
    width === 1 ? WRITTEN_OUT : MOST_WORK,
    `workgroupBarrier();${shares ? " storageBarrier();" : ""}`,
  );
  try {
    for (const node of g.nodes) if (!node.op.view) values.emit(text, node);
    text.barrier();
  } catch (error) {
    if (error instanceof TooLong) return null;
    throw error;
  }
  const { load, store, declarations } = values.around();
  const barrier = width === 1 ? "" : "workgroupBarrier();";
  const code = `${chipParams.wgsl}
@group(0) @binding(1) var<storage, read_write> saved: array<u32>;
${declarations}
${[...text.declarations].join("\n")}
@compute @workgroup_size(${width})
fn main(@builtin(local_invocation_index) lane: u32) {
${load}
${barrier}
for (var step_ = 0u; step_ < params.steps; step_++) {
${text.text}
}
${store}
}
`;
  return { code, layout, width, work: text.work };
}

/** The values of a graph as names in the kernel. */
class ChipValues {
  /** Elements by buffer that one invocation touches: each is a variable of its own. */
  private readonly touched = new Map<number, Set<number>>();
  private readonly ranges: ReadonlyMap<Tensor, ChipValue["ranges"]>;

  constructor(
    g: Graph,
    private readonly layout: ChipLayout,
    private readonly width: ChipWidth,
  ) {
    this.ranges = new Map(g.nodes.filter((n) => n.op.view === "pack").map((n) => [n.outputs[0]!, packedRanges(n)]));
  }

  emit(text: ChipText, node: Node): void {
    const inputs = node.inputs.map((t) => this.value(text, t, false));
    const outputs = node.outputs.map((t) => this.value(text, t, true));
    text.open();
    (node.op as AnyOp).onChip!(text, inputs, outputs, node.attrs);
    text.close();
    text.settle();
  }

  /** What stands before the steps, behind them, and at module scope. */
  around(): { load: string; store: string; declarations: string } {
    const { plan, bound, saved, written } = this.layout;
    const load: string[] = [];
    const store: string[] = [];
    const declarations = bound.map((buffer, k) => {
      const access = written.has(buffer) ? "read_write" : "read";
      return `@group(0) @binding(${k + 2}) var<storage, ${access}> v${buffer}: array<${plan.buffers[buffer]!.dtype}>;`;
    });
    plan.buffers.forEach(({ dtype, bytes }, buffer) => {
      if (bound.includes(buffer)) return;
      const first = saved.get(buffer);
      const fromWord = (i: Index): string => `bitcast<${dtype}>(saved[${index.text(index.plus(first ?? 0, i))}])`;
      const toWord = (i: Index, name: string): string =>
        `saved[${index.text(index.plus(first ?? 0, i))}] = bitcast<u32>(${name});`;
      if (this.width === 1) {
        for (const i of this.touched.get(buffer) ?? []) {
          load.push(`var v${buffer}_${i}: ${dtype}${first === undefined ? "" : ` = ${fromWord(i)}`};`);
          if (first !== undefined && written.has(buffer)) store.push(toWord(i, `v${buffer}_${i}`));
        }
        return;
      }
      declarations.push(`var<workgroup> v${buffer}: array<${dtype}, ${bytes / 4}>;`);
      const loop = (body: string): string => `for (var i = lane; i < ${bytes / 4}u; i += ${this.width}u) { ${body} }`;
      if (first === undefined) return;
      load.push(loop(`v${buffer}[i] = ${fromWord("i")};`));
      if (written.has(buffer)) store.push(loop(toWord("i", `v${buffer}[i]`)));
    });
    return { load: load.join("\n"), store: store.join("\n"), declarations: declarations.join("\n") };
  }

  private value(text: ChipText, t: Tensor, writes: boolean): ChipValue {
    const { storage, offset } = this.layout.plan.places.get(t)!;
    const { buffer } = storage;
    const bound = this.layout.bound.includes(buffer);
    return {
      shape: t.shape,
      dtype: t.dtype,
      ranges: this.ranges.get(t) ?? [[0, sizeOf(t.shape)]],
      at: (i) => {
        const at = index.plus(i, offset);
        text.touch(buffer, offset, i, writes);
        if (this.width > 1 || bound) return `v${buffer}[${index.text(at)}]`;
        if (typeof at !== "number") throw new TypeError(`${t.name} is read at a place known only when it runs`);
        this.touched.set(buffer, (this.touched.get(buffer) ?? new Set()).add(at));
        return `v${buffer}_${at}`;
      },
    };
  }
}

function packedRanges({ inputs, attrs }: Node): ChipValue["ranges"] {
  return inputs.map((t, i) => [attrs.offsets[i], attrs.offsets[i] + sizeOf(t.shape)] as const);
}
