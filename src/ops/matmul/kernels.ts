import {
  columnsEach,
  type Epilogue,
  type MatmulForm,
  type MatmulVariant,
  matmulParams,
  NO_EPILOGUE,
  type VectorAccess,
} from "../../../shaders/matmul/common.ts";
import { matmulSlices } from "../../../shaders/matmul/slices.ts";
import { sumColumnsAlone, sumColumnsParams } from "../../../shaders/reduce.ts";
import { ChainruleError } from "../../core/errors.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import { lateKernels } from "../../graph/late-kernels.ts";
import type { Binding, DeviceCaps, Kernel, KernelPlan, Launch, Product } from "../../graph/op.ts";
import { flatLaunch, grid, input, output, scratch } from "../shared/dispatch-plan.ts";
import { furtherRungs } from "../shared/further-rungs.ts";
import { DEPTHS, matmulDims } from "./dims.ts";
import { matmulPanels, type Panel } from "./panels.ts";
import { ladder, type Rung } from "./rungs.ts";

/** What a kernel needs to know of the op that it serves. */
export interface MatmulUse<A> {
  readonly form: (attrs: A) => MatmulForm;
  /** Bias is input 2, the values of a derivative the input behind it, column sums output 1. */
  readonly epilogue: (attrs: A, inputs: readonly TensorSpec[]) => Epilogue;
  readonly alpha: (attrs: A) => number;
}

/** A plain product. */
export const plainUse = <A>(form: MatmulUse<A>["form"]): MatmulUse<A> => ({
  form,
  epilogue: () => NO_EPILOGUE,
  alpha: () => 0,
});

/** Of every op that is a product. */
export const productRungs = furtherRungs<Rung>();

// The architectures whose compiler was seen to make of it what it is for: Intel's.
lateKernels.push(
  (nodes, { architecture }) =>
    /^gen-12|^xe/.test(architecture) && import("./uniform.ts").then(({ add }) => add(nodes, productRungs)),
);

/** The ladder of kernels for an op that is a matrix product. */
export function matmulKernels<A>(opName: string, use: MatmulUse<A>): readonly Kernel<A>[] {
  const product: Kernel<A>["product"] & {} = (inputs, attrs) => ({
    ...matmulDims(use.form(attrs), inputs[0]!, inputs[1]!),
    epilogue: use.epilogue(attrs, inputs),
    alpha: use.alpha(attrs),
  });
  const make = (rung: Rung): Kernel<A> => ({
    name: `${opName}/${rung.name}`,
    product,
    ...(rung.needs && { needs: rung.needs }),
    suits: (inputs, attrs, caps) => rung.suits(product(inputs, attrs), caps),
    plan: (inputs, outputs, attrs, caps) => planRung(rung, opName, product(inputs, attrs), inputs, outputs, caps),
  });
  productRungs.add(opName, make);
  return ladder.map(make);
}

interface Strides {
  readonly lda: number;
  readonly ldb: number;
  readonly ldc: number;
}

function planRung(
  rung: Rung,
  opName: string,
  dims: Product,
  inputs: readonly TensorSpec[],
  outputs: readonly TensorSpec[],
  caps: DeviceCaps,
): KernelPlan | null {
  const { form, M, N, K, epilogue, alpha } = dims;
  if ((rung.needs && !caps[rung.needs]) || !rung.applies(dims, { form, accumulate: false, epilogue }, caps))
    return null;
  const strides = { lda: inputs[0]!.shape[1]!, ldb: inputs[1]!.shape[1]!, ldc: outputs[0]!.shape[1]! };
  const panels = matmulPanels(form, M, N, K, caps);
  if (typeof panels === "string") throw new ChainruleError("limit", `${opName}: ${panels}`);
  if (panels[0]!.whole) {
    // As many as there is something for.
    const slices = Math.ceil(K / partOf(K, rung.slices?.(dims) ?? 1));
    if (slices > 1)
      return planSlices(rung, panels[0]!, strides, { form, accumulate: false, epilogue }, slices, alpha, caps);
  }
  const launches = panels.map((panel) => {
    const last = panel.last ? { ...epilogue, columnSums: epilogue.columnSums && panel.whole } : NO_EPILOGUE;
    return launchPanel(rung, panel, strides, { form, accumulate: !panel.first, epilogue: last }, alpha, caps);
  });
  if (epilogue.columnSums && !panels[0]!.whole) {
    launches.push(
      flatLaunch(sumColumnsAlone(), sumColumnsParams.pack({ size: N, M: K }), [input(1), output(1)], N, caps),
    );
  }
  return { launches };
}

/** Terms of a slice: whole blocks where the sum is, and else whole fours, so that vec4 reads do not straddle two. */
function partOf(K: number, slices: number): number {
  const unit = DEPTHS.find((depth) => K % depth === 0) ?? 4;
  return Math.ceil(K / slices / unit) * unit;
}

const four = (...values: readonly number[]): boolean => values.every((v) => v % 4 === 0);

/** Which operands lie so that they can be read and written four at a time. */
export function vectorAccess(
  rung: Rung,
  form: MatmulForm,
  p: Pick<Panel, "M" | "N" | "K" | "a" | "b" | "c">,
  { lda, ldb, ldc }: Strides,
): VectorAccess {
  const none = { a: false, b: false, c: false };
  if (rung.vector === "never") return none;
  const a = four(lda, p.a.rest, form === "TN" ? p.M : p.K);
  const b = four(ldb, p.b.rest, form === "NT" ? p.K : p.N);
  const c = four(ldc, p.c.rest, p.N);
  return rung.vector === "each" || (a && b && c) ? { a, b, c } : none;
}

function launchPanel(
  rung: Rung,
  panel: Panel,
  strides: Strides,
  variant: MatmulVariant,
  alpha: number,
  caps: DeviceCaps,
  slices = 1,
): Launch {
  const vector = vectorAccess(rung, variant.form, panel, strides);
  const { bias, derivative, columnSums } = variant.epilogue;
  const tilesN = Math.ceil(panel.N / rung.block[1]);
  const tiles = tilesN * Math.ceil(panel.M / rung.block[0]);
  const sumGroups = columnSums ? Math.ceil(panel.N / (rung.invocations * columnsEach(vector.b))) : 0;
  const window = (index: number, kind: Binding["kind"], w: Panel["a"]): Binding => ({
    kind,
    index,
    access: kind === "input" ? "read" : "read_write",
    ...(panel.whole ? {} : { offset: w.offset, size: w.size }),
  });
  const bindings = [window(0, "input", panel.a), window(1, "input", panel.b)];
  if (bias) bindings.push(input(2));
  if (derivative !== null) bindings.push(window(bias ? 3 : 2, "input", panel.c));
  bindings.push(slices > 1 ? scratch(0, "read_write") : window(0, "output", panel.c));
  if (columnSums) bindings.push(output(1));
  const params = matmulParams.pack({
    M: panel.M,
    N: panel.N,
    K: panel.K,
    ...strides,
    aOffset: panel.a.rest,
    bOffset: panel.b.rest,
    cOffset: panel.c.rest,
    biasOffset: panel.n0,
    tilesN,
    tiles,
    sliceK: partOf(panel.K, slices),
    slices,
    alpha,
  });
  const [x, y] = grid(tiles + sumGroups, caps);
  return { code: rung.code(variant, vector, panel.K, caps, slices > 1), params, bindings, workgroups: [x, y, slices] };
}

/** A product whose sum over K is divided among workgroups: partial products to scratch, then their sum. */
function planSlices(
  rung: Rung,
  panel: Panel,
  strides: Strides,
  variant: MatmulVariant,
  slices: number,
  alpha: number,
  caps: DeviceCaps,
): KernelPlan | null {
  const { M, N } = panel;
  const { bias, derivative, columnSums } = variant.epilogue;
  if (slices * M * N * 4 > caps.maxStorageBufferBindingSize) return null;
  const parts = { ...variant, epilogue: { ...NO_EPILOGUE, columnSums } };
  const first = launchPanel(rung, panel, strides, parts, alpha, caps, slices);
  const whole = { ...variant, epilogue: { ...variant.epilogue, columnSums: false } };
  const bindings = [
    scratch(0, "read"),
    ...(bias ? [input(2)] : []),
    ...(derivative !== null ? [input(bias ? 3 : 2)] : []),
    output(0),
  ];
  const { params } = first;
  const fours = four(N);
  const workgroups = grid(Math.ceil((M * N) / (fours ? 256 : 64)), caps);
  return {
    scratch: [{ shape: [slices, M, N], dtype: "f32" }],
    launches: [first, { code: matmulSlices(whole, fours), params, bindings, workgroups }],
  };
}
