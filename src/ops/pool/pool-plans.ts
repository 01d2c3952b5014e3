import {
  type AvgForm,
  avgPoolGradientApart as avgApart,
  avgPool as avgCode,
  avgPoolGradientGather as avgGather,
} from "../../../shaders/pool/avg-pool.ts";
import { poolParams } from "../../../shaders/pool/common.ts";
import {
  avgPoolFours,
  avgPoolGradientFours,
  type FoursForm,
  maxPoolGradientTwo,
  maxPoolTwo,
} from "../../../shaders/pool/fours.ts";
import {
  maxPoolGradientApart as maxApart,
  maxPool as maxCode,
  maxPoolGradientGather as maxGather,
} from "../../../shaders/pool/max-pool.ts";
import {
  type Across,
  avgPoolGradientOverlapping,
  avgPoolOverlapping,
  maxPoolGradientOverlapping,
  maxPoolOverlapping,
} from "../../../shaders/pool/overlapping.ts";
import { avgPoolGradientPlanes, avgPoolPlanes } from "../../../shaders/pool/whole-planes.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { Binding, DeviceCaps, Kernel, KernelPlan } from "../../graph/op.ts";
import { flatLaunch, input, output } from "../shared/dispatch-plan.ts";
import type { Averaged, AveragedOf } from "./averages.ts";
import { apart, foursForm, overlapping, type PoolDims, planesAsRows, wholePlanes } from "./geometry.ts";

/** What columns count in a kernel's parameters: so many places of x, and so many windows. An invocation has one of either. */
interface Units {
  readonly x: number;
  readonly y: number;
  /** Columns of a window and of x as the kernel counts them. */
  readonly kernel?: number;
  readonly columns?: number;
}
const SINGLE: Units = { x: 1, y: 1 };
/** A pair of windows is a four, a window two places wide a two. */
const unitsOf = (fours: FoursForm, { columns }: PoolDims): Units => {
  if (fours === "fours") return { x: 4, y: 1, kernel: columns.kernel / 4 };
  return fours === "pairs" ? { x: 4, y: 2, kernel: 1 } : { x: 2, y: 1, kernel: 1 };
};
/** Windows two places wide, of which alone the largest places are known by fours or twos. */
const twoForm = (dims: PoolDims): "pairs" | "twos" | null => {
  const fours = foursForm(dims);
  return fours === "fours" ? null : fours;
};

/** Places of a plane of x, and windows of one. */
const planeOf = ({ rows, columns }: PoolDims) => ({ x: rows.size * columns.size, y: rows.out * columns.out });

/**
 * Launches with an invocation a window or a place of x, over so many planes at once that no binding exceeds the device's
 * limit: bindings begin at an aligned element where planes are taken by the alignment's number.
 */
function launches(
  code: string,
  dims: PoolDims,
  over: "x" | "y",
  bindings: readonly (readonly [of: "x" | "y", binding: Binding])[],
  caps: DeviceCaps,
  units: Units = SINGLE,
): KernelPlan {
  const { rows, columns, planes } = dims;
  const sizes = planeOf(dims);
  const alignment = caps.minStorageBufferOffsetAlignment / 4;
  const bound = Math.floor(caps.maxStorageBufferBindingSize / 4 / Math.max(sizes.x, sizes.y));
  const most = bound >= planes ? planes : Math.max(alignment, Math.floor(bound / alignment) * alignment);
  const all: KernelPlan["launches"][number][] = [];
  for (let first = 0; first < planes; first += most) {
    const count = Math.min(most, planes - first);
    const window = (of: "x" | "y", b: Binding): Binding =>
      count === planes ? b : { ...b, offset: first * sizes[of], size: count * sizes[of] };
    const size = (count * sizes[over]) / units[over];
    const params = poolParams.pack({
      size,
      rows: rows.size,
      columns: units.columns ?? columns.size / units.x,
      outRows: rows.out,
      outColumns: columns.out / units.y,
      kernelRows: rows.kernel,
      kernelColumns: units.kernel ?? columns.kernel,
      strideRows: rows.stride,
      strideColumns: columns.stride,
      paddingRows: rows.padding,
      paddingColumns: columns.padding,
      dilationRows: rows.dilation,
      dilationColumns: columns.dilation,
    });
    all.push(
      flatLaunch(
        code,
        params,
        bindings.map(([of, b]) => window(of, b)),
        size,
        caps,
      ),
    );
  }
  return { launches: all };
}

type Dims<A> = (inputs: readonly TensorSpec[], attrs: A) => PoolDims;

/** A kernel's text, and what its columns count. */
interface Form {
  readonly code: string;
  readonly units?: Units;
}
/** Four windows of a row an invocation, or as many places as those begin in. */
const overlappingForm = (dims: PoolDims, of: "x" | "y", code: (across: Across) => string): Form | null => {
  const across = overlapping(dims, of);
  return across && { code: code(across), units: { x: of === "x" ? 4 * across.stride : 4, y: 4 } };
};

function maxForm(dims: PoolDims): Form {
  const two = twoForm(dims);
  if (two) return { code: maxPoolTwo(two), units: unitsOf(two, dims) };
  return overlappingForm(dims, "y", maxPoolOverlapping) ?? { code: maxCode() };
}

export const maxPoolKernels = <A>(dimsOf: Dims<A>): readonly Kernel<A>[] => [
  {
    name: "maxPool/window",
    plan(inputs, _o, attrs, caps) {
      const dims = dimsOf(inputs, attrs);
      const { code, units } = maxForm(dims);
      return launches(
        code,
        dims,
        "y",
        [
          ["x", input(0)],
          ["y", output(0)],
          ["y", output(1)],
        ],
        caps,
        units,
      );
    },
  },
];

const maxGradientBindings = [
  ["y", input(0)],
  ["y", input(1)],
  ["x", output(0)],
] as const;

export const maxPoolGradientKernels = <A>(dimsOf: Dims<A>): readonly Kernel<A>[] => [
  {
    name: "maxPoolGradient/gather",
    plan(inputs, _o, attrs, caps) {
      const dims = dimsOf(inputs, attrs);
      const { code, units } = overlappingForm(dims, "x", maxPoolGradientOverlapping) ?? { code: maxGather() };
      return launches(code, dims, "x", maxGradientBindings, caps, units);
    },
  },
  {
    name: "maxPoolGradient/apart",
    plan(inputs, _o, attrs, caps) {
      const dims = dimsOf(inputs, attrs);
      if (!apart(dims)) return null;
      const two = twoForm(dims);
      const code = two ? maxPoolGradientTwo(two) : maxApart();
      return launches(code, dims, "y", maxGradientBindings, caps, two ? unitsOf(two, dims) : SINGLE);
    },
  },
];

function avgForm(form: AvgForm, dims: PoolDims): Form {
  const fours = foursForm(dims);
  if (fours) return { code: avgPoolFours(form, fours), units: unitsOf(fours, dims) };
  if (wholePlanes(dims)) return { code: avgPoolPlanes() };
  const single = { code: avgCode(form) };
  if (form === "adaptive") return single;
  return overlappingForm(dims, "y", (across) => avgPoolOverlapping(form, across)) ?? single;
}

function avgGatherForm(form: AvgForm, dims: PoolDims): Form {
  const single = { code: avgGather(form) };
  if (form === "adaptive") return single;
  return overlappingForm(dims, "x", (across) => avgPoolGradientOverlapping(form, across)) ?? single;
}

/** With planes that are one window each as rows. */
const rowsOf = ({ form, dims }: Averaged): Averaged => ({ form, dims: planesAsRows(dims) });

export const avgPoolKernels = <A>(name: string, of: AveragedOf<A>): readonly Kernel<A>[] => [
  {
    name: `${name}/window`,
    plan(inputs, _o, attrs, caps) {
      const { form, dims } = rowsOf(of(inputs, attrs));
      const { code, units } = avgForm(form, dims);
      return launches(
        code,
        dims,
        "y",
        [
          ["x", input(0)],
          ["y", output(0)],
        ],
        caps,
        units,
      );
    },
  },
];

const avgGradientBindings = [
  ["y", input(0)],
  ["x", output(0)],
] as const;

export const avgPoolGradientKernels = <A>(name: string, of: AveragedOf<A>): readonly Kernel<A>[] => [
  {
    name: `${name}/gather`,
    plan(inputs, _o, attrs, caps) {
      const { form, dims } = of(inputs, attrs);
      const { code, units } = avgGatherForm(form, dims);
      return launches(code, dims, "x", avgGradientBindings, caps, units);
    },
  },
  {
    name: `${name}/apart`,
    plan(inputs, _o, attrs, caps) {
      const { form, dims } = rowsOf(of(inputs, attrs));
      if (form === "adaptive" || !apart(dims)) return null;
      if (wholePlanes(dims)) {
        const units = { x: 4, y: 1, columns: dims.columns.size };
        return launches(avgPoolGradientPlanes(), dims, "x", avgGradientBindings, caps, units);
      }
      const fours = foursForm(dims);
      const code = fours ? avgPoolGradientFours(form, fours) : avgApart(form);
      return launches(code, dims, "y", avgGradientBindings, caps, fours ? unitsOf(fours, dims) : SINGLE);
    },
  },
];
