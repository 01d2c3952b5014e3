import { type Epilogue, type MatmulForm, type MatmulVariant, matmulParams } from "../../shaders/matmul-common.ts";
import { matmulNaive, NAIVE_TILE } from "../../shaders/matmul-naive.ts";
import { matmulRegister, registerBlock } from "../../shaders/matmul-register.ts";
import { matmulTiled, TILE } from "../../shaders/matmul-tiled.ts";
import { ChainruleError } from "../core/errors.ts";
import type { TensorSpec } from "../graph/graph.ts";
import type { Binding, DeviceCaps, Kernel, KernelPlan, Launch } from "../graph/op.ts";
import { matmulPanels, type Panel } from "./matmul-panels.ts";
import { grid } from "./plan.ts";

/** Sizes of a product, from the shapes of its operands as they lie in memory. */
export function matmulDims(form: MatmulForm, a: TensorSpec, b: TensorSpec): { M: number; N: number; K: number } {
  const [a0, a1] = a.shape as readonly [number, number];
  const [b0, b1] = b.shape as readonly [number, number];
  if (form === "NN") return { M: a0, N: b1, K: a1 };
  if (form === "NT") return { M: a0, N: b0, K: a1 };
  return { M: a1, N: b1, K: a0 };
}

/** What a kernel needs to know of the op that it serves. */
export interface MatmulUse<A> {
  readonly form: (attrs: A) => MatmulForm;
  readonly epilogue: (attrs: A, inputs: readonly TensorSpec[]) => Epilogue | null;
  readonly alpha: (attrs: A) => number;
}

interface Rung {
  readonly name: string;
  /** Rows and columns of C that a workgroup computes. */
  readonly block: readonly [number, number];
  /** False where a simpler rung is known to be the better choice. */
  suits(M: number, N: number, K: number): boolean;
  code(variant: MatmulVariant, panel: Panel, ld: Strides): string | null;
}

interface Strides {
  readonly lda: number;
  readonly ldb: number;
  readonly ldc: number;
}

const four = (...values: readonly number[]): boolean => values.every((v) => v % 4 === 0);

const registerRung = (side: 8 | 16, vector: boolean, suits: Rung["suits"]): Rung => ({
  name: `register${side}${vector ? "-vec4" : ""}`,
  block: [registerBlock({ side, vector: { a: false, b: false, c: false } }), side * 4],
  suits,
  code: (variant, p, { lda, ldb, ldc }) => {
    if (!vector) return matmulRegister(variant, { side, vector: { a: false, b: false, c: false } });
    const a = four(lda, p.a.rest, variant.form === "TN" ? p.M : p.K);
    const b = four(ldb, p.b.rest, variant.form === "NT" ? p.K : p.N);
    const c = four(ldc, p.c.rest, p.N);
    return a || b || c ? matmulRegister(variant, { side, vector: { a, b, c } }) : null;
  },
});

/** Simplest first. */
const ladder: readonly Rung[] = [
  {
    name: "naive",
    block: [NAIVE_TILE.rows, NAIVE_TILE.columns],
    suits: () => true,
    code: (variant) => matmulNaive(variant),
  },
  {
    name: "tiled",
    block: [TILE, TILE],
    suits: isLarge,
    code: (variant) => matmulTiled(variant),
  },
  registerRung(8, false, isLarge),
  registerRung(8, true, isLarge),
  // Larger tiles: three times slower than the rungs above on SwiftShader, so they wait to be asked for.
  registerRung(16, false, () => false),
  registerRung(16, true, () => false),
];

/** Enough tiles to occupy a device, and enough depth to pay for bringing them in. */
function isLarge(M: number, N: number, K: number): boolean {
  return M >= 8 && N >= 8 && M * N >= 4096 && K >= 16;
}

/** The ladder of kernels for an op that is a matrix product. */
export function matmulKernels<A>(opName: string, use: MatmulUse<A>): readonly Kernel<A>[] {
  return ladder.map((rung) => ({
    name: `${opName}/${rung.name}`,
    suits: (inputs, attrs) => {
      const { M, N, K } = matmulDims(use.form(attrs), inputs[0]!, inputs[1]!);
      return rung.suits(M, N, K);
    },
    plan: (inputs, outputs, attrs, caps) => planRung(rung, opName, use, inputs, outputs, attrs, caps),
  }));
}

function planRung<A>(
  rung: Rung,
  opName: string,
  use: MatmulUse<A>,
  inputs: readonly TensorSpec[],
  outputs: readonly TensorSpec[],
  attrs: A,
  caps: DeviceCaps,
): KernelPlan | null {
  const form = use.form(attrs);
  const { M, N, K } = matmulDims(form, inputs[0]!, inputs[1]!);
  const strides = { lda: inputs[0]!.shape[1]!, ldb: inputs[1]!.shape[1]!, ldc: outputs[0]!.shape[1]! };
  const panels = matmulPanels(form, M, N, K, caps);
  if (typeof panels === "string") throw new ChainruleError("limit", `${opName}: ${panels}`);
  const epilogue = use.epilogue(attrs, inputs);
  const launches: Launch[] = [];
  for (const panel of panels) {
    const variant: MatmulVariant = {
      form,
      accumulate: !panel.first,
      epilogue: panel.last ? epilogue : null,
    };
    const code = rung.code(variant, panel, strides);
    if (code === null) return null;
    launches.push(launchPanel(rung, code, panel, strides, variant, use.alpha(attrs), caps));
  }
  return { launches };
}

function launchPanel(
  rung: Rung,
  code: string,
  panel: Panel,
  strides: Strides,
  variant: MatmulVariant,
  alpha: number,
  caps: DeviceCaps,
): Launch {
  const tilesN = Math.ceil(panel.N / rung.block[1]);
  const tiles = tilesN * Math.ceil(panel.M / rung.block[0]);
  const window = (index: number, kind: Binding["kind"], w: Panel["a"]): Binding => ({
    kind,
    index,
    access: kind === "output" ? "read_write" : "read",
    ...(panel.whole ? {} : { offset: w.offset, size: w.size }),
  });
  const bindings = [window(0, "input", panel.a), window(1, "input", panel.b)];
  if (variant.epilogue?.bias) bindings.push({ kind: "input", index: 2, access: "read" });
  bindings.push(window(0, "output", panel.c));
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
    alpha,
  });
  return { code, params, bindings, workgroups: grid(tiles, caps) };
}
