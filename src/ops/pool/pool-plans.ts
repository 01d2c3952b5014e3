import {
  avgPoolGradientApart as avgApart,
  avgPool as avgCode,
  avgPoolGradientGather as avgGather,
} from "../../../shaders/pool/avg-pool.ts";
import { poolParams } from "../../../shaders/pool/common.ts";
import {
  avgPoolFours,
  avgPoolGradientFours,
  type FoursForm,
  maxPoolGradientPairs,
  maxPoolPairs,
} from "../../../shaders/pool/fours.ts";
import {
  maxPoolGradientApart as maxApart,
  maxPool as maxCode,
  maxPoolGradientGather as maxGather,
} from "../../../shaders/pool/max-pool.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { Binding, DeviceCaps, Kernel, KernelPlan } from "../../graph/op.ts";
import { flatLaunch, input, output } from "../shared/dispatch-plan.ts";
import type { AveragedOf } from "./averages.ts";
import { apart, foursForm, type PoolDims } from "./geometry.ts";

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
  fours: FoursForm | null = null,
): KernelPlan {
  const four = fours === null ? 1 : 4;
  const each = fours === "pairs" ? 2 : 1;
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
    const size = (count * sizes[over]) / each;
    const params = poolParams.pack({
      size,
      rows: rows.size,
      columns: columns.size / four,
      outRows: rows.out,
      outColumns: columns.out / each,
      kernelRows: rows.kernel,
      // A pair of windows is a four.
      kernelColumns: (columns.kernel * each) / four,
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

/** The only one that the largest places of windows know. */
const pairsForm = (dims: PoolDims): FoursForm | null => (foursForm(dims) === "pairs" ? "pairs" : null);

export const maxPoolKernels = <A>(dimsOf: Dims<A>): readonly Kernel<A>[] => [
  {
    name: "maxPool/window",
    plan(inputs, _o, attrs, caps) {
      const dims = dimsOf(inputs, attrs);
      const fours = pairsForm(dims);
      return launches(
        fours ? maxPoolPairs() : maxCode(),
        dims,
        "y",
        [
          ["x", input(0)],
          ["y", output(0)],
          ["y", output(1)],
        ],
        caps,
        fours,
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
    plan: (inputs, _o, attrs, caps) => launches(maxGather(), dimsOf(inputs, attrs), "x", maxGradientBindings, caps),
  },
  {
    name: "maxPoolGradient/apart",
    plan(inputs, _o, attrs, caps) {
      const dims = dimsOf(inputs, attrs);
      const fours = pairsForm(dims);
      const code = fours ? maxPoolGradientPairs() : maxApart();
      return apart(dims) ? launches(code, dims, "y", maxGradientBindings, caps, fours) : null;
    },
  },
];

export const avgPoolKernels = <A>(name: string, of: AveragedOf<A>): readonly Kernel<A>[] => [
  {
    name: `${name}/window`,
    plan(inputs, _o, attrs, caps) {
      const { form, dims } = of(inputs, attrs);
      const fours = foursForm(dims);
      return launches(
        fours ? avgPoolFours(form, fours) : avgCode(form),
        dims,
        "y",
        [
          ["x", input(0)],
          ["y", output(0)],
        ],
        caps,
        fours,
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
      return launches(avgGather(form), dims, "x", avgGradientBindings, caps);
    },
  },
  {
    name: `${name}/apart`,
    plan(inputs, _o, attrs, caps) {
      const { form, dims } = of(inputs, attrs);
      if (form === "adaptive" || !apart(dims)) return null;
      const fours = foursForm(dims);
      const code = fours ? avgPoolGradientFours(form, fours) : avgApart(form);
      return launches(code, dims, "y", avgGradientBindings, caps, fours);
    },
  },
];
