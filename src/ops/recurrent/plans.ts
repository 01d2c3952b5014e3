import { recurrentBackward } from "../../../shaders/recurrent/backward.ts";
import { type CellText, cellTexts } from "../../../shaders/recurrent/cells.ts";
import { recurrentForward } from "../../../shaders/recurrent/forward.ts";
import { type LoopForm, loopParams, TERMS, termsOf } from "../../../shaders/recurrent/loop.ts";
import { type PackForm, packParams, packWeights } from "../../../shaders/recurrent/pack.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { Binding, DeviceCaps, Kernel, KernelPlan, Launch } from "../../graph/op.ts";
import { flatLaunch, grid, input, output, scratch } from "../shared/dispatch-plan.ts";
import { registersOf } from "../shared/registers.ts";
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
  /** Terms of each sum, and items that have sums of their own. */
  readonly K: number;
  readonly items: number;
  readonly pack: PackForm;
  /** The input that holds weights [rows, columns]. */
  readonly w: number;
  readonly weights: TensorSpec;
}

function forwardLoop(cell: Cell, inputs: readonly TensorSpec[], { reverse }: RecurrentAttrs): Loop {
  const text = cellTexts[cell.name];
  const dims = recurrentDims(inputs[0]!, inputs[1]!);
  const alone = cell.gates === 1;
  return {
    ...{ text, back: false, dims, reverse, lengths: inputs.length > 4, K: dims.h },
    ...{ items: alone ? Math.ceil(dims.h / 4) : dims.h, pack: alone ? "rows" : "gates", w: 1, weights: inputs[1]! },
  };
}

function backwardLoop(cell: Cell, inputs: readonly TensorSpec[], { reverse }: RecurrentAttrs): Loop {
  const { dy, w, lengths } = gradientInputs(cell, [...inputs.keys()]);
  const dims = recurrentDims(inputs[dy]!, inputs[w]!);
  return {
    ...{
      text: cellTexts[cell.name],
      back: true,
      dims,
      reverse,
      lengths: lengths !== undefined,
      K: cell.gates * dims.h,
    },
    ...{ items: Math.ceil(dims.h / 4), pack: "columns", w, weights: inputs[w]! },
  };
}

const upTo = (multiple: number, n: number): number => Math.ceil(n / multiple) * multiple;

/** Bindings of the loop, in the order of its declarations. */
function bindingsOf({ text, back, lengths }: Loop, w: number, local: boolean): readonly Binding[] {
  const packed = scratch(0, "read");
  const state = local ? [] : [scratch(1, "read_write")];
  const given = lengths ? [input(back ? w + 1 : 4)] : [];
  if (!back) {
    const made = text.saved > 0 ? [output(0), output(1)] : [output(0)];
    return [input(0), packed, input(2), input(3), ...given, ...made, ...state];
  }
  const read = Array.from({ length: w }, (_, i) => input(i));
  const made = text.apart ? [output(0), output(1)] : [output(0)];
  const carried = text.carries && local ? [scratch(1, "read_write")] : [];
  return [...read, packed, ...given, ...made, ...carried, ...state];
}

/** Weights side by side, then all steps: in several launches where one would make too many turns. */
function loopPlan(loop: Loop, form: LoopForm, caps: DeviceCaps): KernelPlan {
  const { text, back, dims, reverse, lengths, items, pack, w, weights } = loop;
  const { rows, steps, h } = dims;
  const terms = upTo(TERMS, loop.K);
  const groups = Math.ceil(rows / (4 * form.vectors));
  const local = form.local > 0;
  const code = (back ? recurrentBackward : recurrentForward)(text, form, lengths);
  const bindings = bindingsOf(loop, w, local);
  const turns =
    Math.ceil(items / (form.width * form.each)) * (terms / termsOf(form) + 1 + form.each * (4 + 4 * form.vectors)) + 1;
  const each = Math.max(1, Math.floor((MOST_TURNS - terms) / turns));
  const count = Math.ceil(steps / each);
  const launches: Launch[] = [
    flatLaunch(
      packWeights(pack),
      packParams.pack({ size: terms * items, items, rows: weights.shape[0]!, columns: weights.shape[1]! }),
      [input(w), scratch(0, "read_write")],
      terms * items,
      caps,
    ),
  ];
  for (let i = 0; i < count; i++) {
    const [begin, end] = [Math.floor((i * steps) / count), Math.floor(((i + 1) * steps) / count)];
    const params = loopParams.pack({ rows, steps, h, begin, end, reverse: reverse ? 1 : 0, terms, items, groups });
    launches.push({ code, params, bindings, workgroups: grid(groups, caps) });
  }
  const carried = back && text.carries ? groups * h * form.vectors : 0;
  const state = local ? carried : groups * 2 * terms * form.vectors + carried;
  const four = (count: number): TensorSpec => ({ shape: [count * 4], dtype: "f32" });
  return { launches, scratch: [four(terms * items), ...(state > 0 ? [four(state)] : [])] };
}

/** A power of two. */
const powerOf = (n: number): number => 2 ** Math.ceil(Math.log2(n));

/** One vec4 of rows, and one item at a time. */
const PLAIN = { vectors: 1, shared: false, each: 1, few: false } as const;
/** Numbers of an invocation that forms with four rows side by side need registers for. */
const REGISTERS = 128;

/** With state in the workgroup's memory; null where it does not fit. */
function localForm({ items, K }: Loop, caps: DeviceCaps): LoopForm | null {
  const width = Math.min(powerOf(items), 256, caps.maxComputeInvocationsPerWorkgroup);
  // In powers of two, so that nets of like widths share their code.
  const local = 2 * powerOf(upTo(TERMS, K));
  return 16 * local > caps.maxComputeWorkgroupStorageSize ? null : { ...PLAIN, width: Math.max(width, 32), local };
}

/**
 * The kernels of one of the loops: state in the device's memory, in a workgroup's, the same for devices of few registers, and
 * rows shared by quads for CPUs.
 */
function loopKernels(
  name: string,
  loopOf: (inputs: readonly TensorSpec[], attrs: RecurrentAttrs) => Loop,
): readonly Kernel<RecurrentAttrs>[] {
  return [
    {
      name: `${name}/steps`,
      plan: (inputs, _o, attrs, caps) => loopPlan(loopOf(inputs, attrs), { ...PLAIN, width: 64, local: 0 }, caps),
    },
    {
      name: `${name}/steps-local`,
      plan(inputs, _o, attrs, caps) {
        const loop = loopOf(inputs, attrs);
        const form = localForm(loop, caps);
        return form && loopPlan(loop, form, caps);
      },
    },
    {
      name: `${name}/steps-few`,
      plan(inputs, _o, attrs, caps) {
        const loop = loopOf(inputs, attrs);
        const form = localForm(loop, caps) ?? { ...PLAIN, width: 64, local: 0 };
        return loopPlan(loop, { ...form, few: true }, caps);
      },
      suits: (_inputs, _attrs, caps) => !caps.onCpu && registersOf(caps) < REGISTERS,
    },
    {
      name: `${name}/steps-quads`,
      needs: "subgroups",
      plan: (inputs, _o, attrs, caps) =>
        caps.subgroups
          ? loopPlan(loopOf(inputs, attrs), { width: 4, vectors: 4, shared: true, each: 2, local: 0, few: false }, caps)
          : null,
      suits: (_inputs, _attrs, { onCpu }) => onCpu,
    },
  ];
}

export const forwardKernels = (name: string, cell: Cell) =>
  loopKernels(name, (inputs, attrs) => forwardLoop(cell, inputs, attrs));
export const backwardKernels = (name: string, cell: Cell) =>
  loopKernels(name, (inputs, attrs) => backwardLoop(cell, inputs, attrs));
