import { recurrentBackward } from "../../../shaders/recurrent/backward.ts";
import { type CellText, cellTexts } from "../../../shaders/recurrent/cells.ts";
import { recurrentForward } from "../../../shaders/recurrent/forward.ts";
import { type LoopForm, loopParams, TERMS, termsOf } from "../../../shaders/recurrent/loop.ts";
import { type PackForm, packParams, packWeights } from "../../../shaders/recurrent/pack.ts";
import { PACKED_ROWS, type PackedForm, STRETCH } from "../../../shaders/recurrent/packed.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { Binding, DeviceCaps, Kernel, KernelPlan, Launch } from "../../graph/op.ts";
import { registersOf } from "../../graph/registers.ts";
import { flatLaunch, grid, input, output, scratch } from "../shared/dispatch-plan.ts";
import type { Cell } from "./cells.ts";
import { type RecurrentAttrs, type RecurrentDims, recurrentDims } from "./dims.ts";
import { gradientInputs } from "./reference.ts";

/** Some drivers end an invocation's loops after so many turns, silently; and a launch should not take seconds. */
const MOST_TURNS = 65535;

/** One of the two loops over time, as a plan sees it. */
interface Loop {
  readonly text: CellText;
  readonly back: boolean;
  readonly dims: RecurrentDims;
  readonly reverse: boolean;
  readonly lengths: boolean;
  /** Terms of each sum. */
  readonly K: number;
  /** The input that holds weights [rows, columns]. */
  readonly w: number;
  readonly weights: TensorSpec;
}

function forwardLoop(cell: Cell, inputs: readonly TensorSpec[], { reverse }: RecurrentAttrs): Loop {
  const text = cellTexts[cell.name];
  const dims = recurrentDims(inputs[0]!, inputs[1]!);
  return { text, back: false, dims, reverse, lengths: inputs.length > 4, K: dims.h, w: 1, weights: inputs[1]! };
}

function backwardLoop(cell: Cell, inputs: readonly TensorSpec[], { reverse }: RecurrentAttrs): Loop {
  const { dy, w, lengths } = gradientInputs(cell, [...inputs.keys()]);
  const dims = recurrentDims(inputs[dy]!, inputs[w]!);
  return {
    ...{ text: cellTexts[cell.name], back: true, dims, reverse, lengths: lengths !== undefined },
    ...{ K: cell.gates * dims.h, w, weights: inputs[w]! },
  };
}

const upTo = (multiple: number, n: number): number => Math.ceil(n / multiple) * multiple;

/** Bindings of the loop, in the order of its declarations. `inMemory`: state has a binding of its own. */
function bindingsOf({ text, back, lengths }: Loop, w: number, inMemory: boolean): readonly Binding[] {
  const packed = scratch(0, "read");
  const state = inMemory ? [scratch(1, "read_write")] : [];
  const given = lengths ? [input(back ? w + 1 : 4)] : [];
  if (!back) {
    const made = text.saved > 0 ? [output(0), output(1)] : [output(0)];
    return [input(0), packed, input(2), input(3), ...given, ...made, ...state];
  }
  const read = Array.from({ length: w }, (_, i) => input(i));
  const made = text.apart ? [output(0), output(1)] : [output(0)];
  const carried = text.carries && !inMemory ? [scratch(1, "read_write")] : [];
  return [...read, packed, ...given, ...made, ...carried, ...state];
}

/** How a form of the loop goes about it. */
interface Course {
  readonly form: LoopForm | PackedForm;
  /** Terms of a sum, with those that fill up its last turn; and what has sums. */
  readonly terms: number;
  readonly items: number;
  readonly pack: PackForm;
  /** Workgroups that have rows. */
  readonly groups: number;
  /** Turns of all loops of an invocation: in a step, and at the start. */
  readonly turns: number;
  readonly startTurns: number;
  /** vec4s of weights, and of what else the plan needs memory for. */
  readonly weights: number;
  readonly state: number;
  readonly inMemory: boolean;
}

/** Weights side by side, then all steps: in several launches where one would make too many turns. */
function loopPlan(loop: Loop, course: Course, caps: DeviceCaps): KernelPlan {
  const { text, back, dims, reverse, lengths, w } = loop;
  const { form, terms, items, pack, groups, turns, startTurns, weights, state, inMemory } = course;
  const { rows, steps, h } = dims;
  const code = (back ? recurrentBackward : recurrentForward)(text, form, lengths);
  const bindings = bindingsOf(loop, w, inMemory);
  const each = Math.max(1, Math.floor((MOST_TURNS - startTurns) / turns));
  const count = Math.ceil(steps / each);
  const [weightRows, columns] = loop.weights.shape as readonly [number, number];
  const packed = packParams.pack({
    ...{ size: weights, items: "depth" in form ? terms / 4 : items },
    ...{ rows: weightRows, columns, gates: text.gates },
  });
  const launches: Launch[] = [
    flatLaunch(packWeights(pack), packed, [input(w), scratch(0, "read_write")], weights, caps),
  ];
  for (let i = 0; i < count; i++) {
    const [begin, end] = [Math.floor((i * steps) / count), Math.floor(((i + 1) * steps) / count)];
    const params = loopParams.pack({ rows, steps, h, begin, end, reverse: reverse ? 1 : 0, terms, items, groups });
    launches.push({ code, params, bindings, workgroups: grid(groups, caps) });
  }
  const four = (count: number): TensorSpec => ({ shape: [count * 4], dtype: "f32" });
  return { launches, scratch: [four(weights), ...(state > 0 ? [four(state)] : [])] };
}

/** Of what has sums for each gate, or where there is one alone, for four units. */
const alone = ({ text, back }: Loop): boolean => back || text.gates === 1;
const itemsOf = (loop: Loop): number => (alone(loop) ? Math.ceil(loop.dims.h / 4) : loop.dims.h);

/** For GPUs: invocations share four rows. */
function sharedCourse(loop: Loop, form: LoopForm): Course {
  const { text, back, dims, K } = loop;
  const { rows, h } = dims;
  const items = itemsOf(loop);
  const terms = upTo(TERMS, K);
  const groups = Math.ceil(rows / 4);
  const carried = back && text.carries ? groups * h : 0;
  return {
    ...{ form, terms, items, groups, pack: back ? "columns" : alone(loop) ? "rows" : "gates" },
    // Counted generously: some drivers go through a loop once more.
    turns: Math.ceil(items / form.width) * (terms / termsOf(form) + 9) + 1,
    ...{ startTurns: 5 * terms, weights: terms * items, inMemory: form.local === 0 },
    state: form.local > 0 ? carried : groups * 2 * terms + carried,
  };
}

/** Terms that an invocation of a quad has packed at a time. With more, it would compile longer. */
const DEPTHS = [64, 32];

/** For CPUs: the largest depth that leaves at most a quarter to nothing, so that nets of like widths share their code. */
function packedCourse({ text, back, dims, K }: Loop): Course {
  const { rows, h } = dims;
  const depth = DEPTHS.find((d) => upTo(d, K) <= 1.25 * K) ?? STRETCH;
  const terms = upTo(depth, K);
  const lines = back ? 1 : text.gates;
  const items = lines * h;
  const groups = Math.ceil(rows / PACKED_ROWS);
  return {
    ...{ form: { depth }, terms, items, groups, pack: back ? "columnLines" : "lines" },
    turns: (terms / depth) * (depth / 4 + items + 1) + h + 1,
    ...{ startTurns: terms, weights: (terms * items) / 4, inMemory: true },
    state: groups * (terms + items + h) * 4,
  };
}

/** A power of two. */
const powerOf = (n: number): number => 2 ** Math.ceil(Math.log2(n));

/** Numbers of an invocation that forms with four rows side by side need registers for. */
const REGISTERS = 128;

/** With state in the workgroup's memory; null where it does not fit. */
function localForm(loop: Loop, caps: DeviceCaps): LoopForm | null {
  const width = Math.min(powerOf(itemsOf(loop)), 256, caps.maxComputeInvocationsPerWorkgroup);
  // In powers of two, so that nets of like widths share their code.
  const local = 2 * powerOf(upTo(TERMS, loop.K));
  return 16 * local > caps.maxComputeWorkgroupStorageSize ? null : { width: Math.max(width, 32), local, few: false };
}

/**
 * The kernels of one of the loops: state in the device's memory, in a workgroup's, the same for devices of few registers, and
 * packed by quads for CPUs.
 */
function loopKernels(
  name: string,
  loopOf: (inputs: readonly TensorSpec[], attrs: RecurrentAttrs) => Loop,
): readonly Kernel<RecurrentAttrs>[] {
  return [
    {
      name: `${name}/steps`,
      plan(inputs, _o, attrs, caps) {
        const loop = loopOf(inputs, attrs);
        return loopPlan(loop, sharedCourse(loop, { width: 64, local: 0, few: false }), caps);
      },
    },
    {
      name: `${name}/steps-local`,
      plan(inputs, _o, attrs, caps) {
        const loop = loopOf(inputs, attrs);
        const form = localForm(loop, caps);
        return form && loopPlan(loop, sharedCourse(loop, form), caps);
      },
    },
    {
      name: `${name}/steps-few`,
      plan(inputs, _o, attrs, caps) {
        const loop = loopOf(inputs, attrs);
        const form = localForm(loop, caps) ?? { width: 64, local: 0 };
        return loopPlan(loop, sharedCourse(loop, { ...form, few: true }), caps);
      },
      suits: (_inputs, _attrs, caps) => !caps.onCpu && registersOf(caps) < REGISTERS,
    },
    {
      name: `${name}/steps-packed`,
      needs: "subgroups",
      plan(inputs, _o, attrs, caps) {
        if (!caps.subgroups) return null;
        const loop = loopOf(inputs, attrs);
        return loopPlan(loop, packedCourse(loop), caps);
      },
      suits: (_inputs, _attrs, { onCpu }) => onCpu,
    },
  ];
}

export const forwardKernels = (name: string, cell: Cell) =>
  loopKernels(name, (inputs, attrs) => forwardLoop(cell, inputs, attrs));
export const backwardKernels = (name: string, cell: Cell) =>
  loopKernels(name, (inputs, attrs) => backwardLoop(cell, inputs, attrs));
