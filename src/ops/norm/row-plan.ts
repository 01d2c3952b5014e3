import type { ReduceWidth } from "../../../shaders/common.ts";
import {
  NARROW_WORKGROUP,
  ROW_WORKGROUP,
  rowParams,
  shortRowParams,
  WIDE_WORKGROUP,
} from "../../../shaders/norm/rows.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { Binding, DeviceCaps, Kernel, KernelPlan, Launch } from "../../graph/op.ts";
import { flatLaunch, grid } from "../shared/dispatch-plan.ts";

/** One launch with a workgroup per row of `like` [rows, N]. */
export function rowLaunch(
  code: string,
  like: TensorSpec,
  extra: number,
  bindings: readonly Binding[],
  caps: DeviceCaps,
): KernelPlan {
  return { launches: [rowDispatch(code, like, extra, bindings, caps)] };
}

export function rowDispatch(
  code: string,
  like: TensorSpec,
  extra: number,
  bindings: readonly Binding[],
  caps: DeviceCaps,
): Launch {
  const [rows, N] = like.shape as readonly [number, number];
  return { code, params: rowParams.pack({ rows, N, extra }), bindings, workgroups: grid(rows, caps) };
}

/** One invocation per row. */
export function shortRowDispatch(
  code: string,
  like: TensorSpec,
  extra: number,
  bindings: readonly Binding[],
  caps: DeviceCaps,
): Launch {
  const [rows, N] = like.shape as readonly [number, number];
  return flatLaunch(code, shortRowParams.pack({ size: rows, N, extra }), bindings, rows, caps);
}

/** Whether an invocation that has a row [rows, N] to itself takes four elements at a time. */
export const ownRowByFours = ({ shape }: TensorSpec): boolean => shape[1]! % 4 === 0;
/** Whether a workgroup does: where there are some for all of it. */
export const rowsByFours = ({ shape }: TensorSpec): boolean => shape[1]! % 4 === 0 && shape[1]! >= 4 * ROW_WORKGROUP;

/** Rows up to this long are one invocation's work: measured on SwiftShader, where a barrier costs most. */
export const SHORT_ROW = 64;
/** The same on adapters on a CPU, where there are rows enough to keep it busy; and that many. */
const SHORT_ON_CPU = { row: 512, rows: 64 };

/** Whether rows [rows, N] are short enough to be one invocation's work each. */
export function isShort({ shape: [rows, N] }: TensorSpec, { onCpu }: DeviceCaps): boolean {
  return N! <= SHORT_ROW || (onCpu && N! <= SHORT_ON_CPU.row && rows! >= SHORT_ON_CPU.rows);
}

/** Elements of a row for which a GPU's workgroup is four times as wide as usual: each invocation still has some fours. */
const LONG_ROW = 4096;

/** Kernels with a workgroup of the usual width for a row, and with a wide one for long rows on GPUs. */
export function rowKernels<A>(
  name: string,
  plan: (width: ReduceWidth, input: TensorSpec, caps: DeviceCaps) => KernelPlan,
): readonly Kernel<A>[] {
  return [
    { name: `${name}/row`, plan: ([x], _o, _a, caps) => plan(ROW_WORKGROUP, x!, caps) },
    {
      name: `${name}/wide`,
      plan: ([x], _o, _a, caps) => plan(WIDE_WORKGROUP, x!, caps),
      suits: ([x], _a, { onCpu }) => !onCpu && x!.shape[1]! >= LONG_ROW,
    },
  ];
}

/** A workgroup that is one subgroup on adapters on a CPU, where its barriers cost next to nothing. */
export const ONE_SUBGROUP = 4;

/** Kernels with a workgroup of the usual width, and with a narrow one for adapters on a CPU. */
export function widths<A>(
  name: string,
  plan: (width: ReduceWidth, inputs: readonly TensorSpec[], attrs: A, caps: DeviceCaps) => KernelPlan | null,
  narrow: ReduceWidth = NARROW_WORKGROUP,
): readonly Kernel<A>[] {
  return [
    { name, plan: (inputs, _outputs, attrs, caps) => plan(ROW_WORKGROUP, inputs, attrs, caps) },
    {
      name: `${name}-narrow`,
      plan: (inputs, _outputs, attrs, caps) => plan(narrow, inputs, attrs, caps),
      suits: (_inputs, _attrs, { onCpu }) => onCpu,
    },
  ];
}
