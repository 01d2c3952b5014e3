import { matmulStrided, STRIDED, STRIDED_BLOCK, stridedParams } from "../../../shaders/matmul/strided.ts";
import type { Binding, DeviceCaps, Launch, Product } from "../../graph/op.ts";
import type { AnyKernel } from "./choose.ts";

/** The texts in an epilogue: of an activation, of a derivative. */
export const textsOf = ({ epilogue: { activation, derivative } }: Product): readonly string[] =>
  [activation, derivative].filter((text) => text !== null);

/**
 * All products of a net that has one activation by one pipeline, whose text has all `texts`: for adapters on a CPU, which
 * compile one pipeline after another. A kernel of an op that is a product, given by another one of its; null where it is none.
 * What is imported here of files that the engine has is cut out of it: so little is.
 */
export function stridedKernel({ name, product }: AnyKernel, texts: readonly string[]): AnyKernel | null {
  if (!product) return null;
  return {
    name: name.replace(/[^/]*$/, "strided"),
    needs: "subgroups",
    plan(inputs, _outputs, attrs, caps) {
      const own = product(inputs, attrs);
      if (!caps.onCpu || !caps.subgroups || !textsOf(own).every((text) => texts.includes(text))) return null;
      return fits(own, caps) ? { launches: launchesOf(matmulStrided(texts), own) } : null;
    },
  };
}

const tilesOf = (rows: number, columns: number): readonly [tiles: number, across: number] => {
  const across = Math.ceil(columns / STRIDED_BLOCK[1]);
  return [across * Math.ceil(rows / STRIDED_BLOCK[0]), across];
};

/** Each operand can be bound at once, and workgroups are no more than one dimension has. */
function fits({ M, N, K }: Product, caps: DeviceCaps): boolean {
  const bytes = 4 * Math.max(M * N, M * K, K * N);
  return bytes <= caps.maxStorageBufferBindingSize && tilesOf(M, N)[0] <= caps.maxComputeWorkgroupsPerDimension;
}

/** Column sums are a second launch of the same text: a row of ones times B. */
function launchesOf(code: string, { form, M, N, K, epilogue, alpha }: Product): readonly Launch[] {
  const { bias, activation, derivative, columnSums } = epilogue;
  const [am, ak] = form === "TN" ? [1, M] : [K, 1];
  const [bk, bn] = form === "NT" ? [1, K] : [N, 1];
  const read = (index: number): Binding => ({ kind: "input", index, access: "read" });
  const launch = (rows: number, mode: number, beside: number, c: number): Launch => {
    const [tiles, tilesN] = tilesOf(rows, N);
    const bindings: Binding[] = [read(0), read(1), read(beside), { kind: "output", index: c, access: "read_write" }];
    const params = stridedParams.pack({ M: rows, N, K, am, ak, bk, bn, tilesN, mode, alpha });
    return { code, params, bindings, workgroups: [tiles, 1, 1] };
  };
  const asked = [
    [bias, STRIDED.bias],
    [activation !== null, STRIDED.activation],
    [derivative !== null, STRIDED.derivative],
  ] as const;
  const mode = asked.reduce((bits, [is, bit]) => bits + (is ? bit : 0), 0);
  const whole = launch(M, mode, bias || derivative !== null ? 2 : 0, 0);
  return columnSums ? [whole, launch(1, STRIDED.ones, 0, 1)] : [whole];
}
