import { paramBlock } from "../../../shaders/params.ts";
import { ChainruleError } from "../../core/errors.ts";
import type { Graph } from "../../graph/graph.ts";
import type { AnyOp, DeviceCaps } from "../../graph/op.ts";
import type { CompileOptions } from "../executor.ts";
import { type ChipLayout, type ChipMemory, layOut } from "./chip-layout.ts";
import { ChipValues } from "./chip-values.ts";
import { ChipText, type ChipWidth, TooLong } from "./chip-writer.ts";

/** A graph as one kernel of one workgroup, which runs any number of steps in a dispatch. */
export interface Lowered {
  /** Entry point `main`; uniform at 0, the saved words at 1, then the bound buffers in order. */
  readonly code: string;
  readonly layout: ChipLayout;
  readonly width: ChipWidth;
  /** Statements that a step runs, over all invocations: what it costs. */
  readonly work: number;
  /** Turns of loops that an invocation makes, at most: of each step, and beside them. */
  readonly turns: { readonly step: number; readonly once: number };
}

/** Why a graph has no such kernel. */
export interface NotLowered {
  readonly reason: string;
}

/** How many invocations run the steps, and what holds the values meanwhile. */
export interface ChipForm {
  readonly width: ChipWidth;
  readonly memory: ChipMemory;
}

export interface LowerOptions {
  /** The form to take; where absent, the first of `formsFor` that is not too long. */
  readonly form?: ChipForm;
  readonly keepAll?: boolean;
}

/** Steps of the dispatch. */
export const chipParams = paramBlock({ steps: "u32" });

/** What a step may cost, and lines of code, which take long to compile: written out, and divided in a workgroup. */
const MOST = { alone: { work: 1500, lines: 2500 }, together: { work: 2 ** 24, lines: 4000 } };
/** Bytes that a reduction takes beside the values. */
const REDUCTION_BYTES = 4 * (256 + 16);

/**
 * Lowers the graph's own nodes (a fusion saves nothing here, where values never leave the chip) to one kernel, or says
 * why it cannot be done. Pure.
 */
export function lowerOnChip(g: Graph, caps: DeviceCaps, options: LowerOptions = {}): Lowered | NotLowered {
  const stranger = g.nodes.find(({ op }) => !op.view && !(op as AnyOp).onChip);
  if (stranger) return { reason: `${stranger.op.name} has no form for the chip` };
  let reason = "";
  for (const form of options.form ? [options.form] : formsFor(caps)) {
    const lowered = lowerTo(form, g, caps, options.keepAll ?? false);
    if (!("reason" in lowered)) return lowered;
    reason = lowered.reason;
  }
  return { reason };
}

/**
 * One invocation with everything written out; then a workgroup. Adapters on a CPU change from one subgroup to the next
 * at every barrier, so one is enough for them; a GPU hides its delays behind several.
 */
export function formsFor({ onCpu }: DeviceCaps): readonly ChipForm[] {
  return [
    { width: 1, memory: "variables" },
    onCpu ? { width: 4, memory: "storage" } : { width: 64, memory: "workgroup" },
  ];
}

function lowerTo(form: ChipForm, g: Graph, caps: DeviceCaps, keepAll: boolean): Lowered | NotLowered {
  const shared = caps.maxComputeWorkgroupStorageSize - REDUCTION_BYTES;
  const room = form.memory === "storage" ? caps.maxStorageBufferBindingSize : shared;
  const layout = layOut(g, keepAll, form.memory, room);
  if (layout.chipBytes > room)
    return { reason: `its values take ${layout.chipBytes} bytes, there is room for ${room}` };
  const bindings = layout.bound.length + 1;
  const most = caps.maxStorageBuffersPerShaderStage;
  if (bindings > most) return { reason: `it takes ${bindings} buffers, a kernel may bind ${most}` };
  return write(g, layout, form.width) ?? { reason: "its code would be too long" };
}

/**
 * Statements that one workgroup may run for each node, which would be a dispatch: where there are more, the start of the
 * dispatches costs less than the workgroup's want of company. Measured where values lie in storage, on a CPU's adapter;
 * a guess where they lie in a workgroup's memory. bench/NOTES.md.
 */
const NODE_WORK: Readonly<Record<ChipMemory, number>> = {
  variables: Number.POSITIVE_INFINITY,
  storage: 25_000,
  workgroup: 5_000,
};

/** What a graph is compiled to: the kernel for the chip, or null for a dispatch or more a node. */
export function chooseLowering(g: Graph, caps: DeviceCaps, options: CompileOptions): Lowered | null {
  if (options.onChip === false) return null;
  const forced = options.onChip === true;
  if (options.kernel && !forced) return null;
  const lowered = lowerOnChip(g, caps, { keepAll: options.keepAll ?? false });
  if ("reason" in lowered) {
    if (!forced) return null;
    throw new ChainruleError("limit", `this graph cannot run on the chip: ${lowered.reason}`);
  }
  const dispatches = g.nodes.filter(({ op }) => !op.view).length;
  return forced || lowered.work <= NODE_WORK[lowered.layout.memory] * dispatches ? lowered : null;
}

/** The kernel in one form, or null where it grows too long. */
function write(g: Graph, layout: ChipLayout, width: ChipWidth): Lowered | null {
  const values = new ChipValues(g, layout, width);
  const inStorage = layout.memory === "storage" || layout.bound.some((b) => layout.written.has(b));
  const barrier = `workgroupBarrier();${inStorage ? " storageBarrier();" : ""}`;
  const text = new ChipText(width, width === 1 ? MOST.alone : MOST.together, barrier);
  try {
    for (const node of g.nodes) if (!node.op.view) values.emit(text, node);
    text.barrier();
  } catch (error) {
    if (error instanceof TooLong) return null;
    throw error;
  }
  const { load, store, declarations } = values.around();
  const code = `${chipParams.wgsl}
${declarations}
${[...text.declarations].join("\n")}
@compute @workgroup_size(${width})
fn main(@builtin(local_invocation_index) lane: u32) {
${load}
${width === 1 ? "" : barrier}
for (var step_ = 0u; step_ < params.steps; step_++) {
${text.text}
}
${store}
}
`;
  const once = layout.memory === "workgroup" ? 2 * Math.ceil(layout.savedWords / width) : 0;
  return { code, layout, width, work: text.work, turns: { step: 1 + text.turns, once } };
}
