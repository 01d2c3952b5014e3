import {
  convUniform,
  UNIFORM_ACROSS,
  UNIFORM_DEPTH,
  UNIFORM_PLACES,
  UNIFORM_TAPS,
  UNIFORM_TERMS,
  type UniformRows,
  uniformBytes,
  uniformInvocations,
} from "../../../shaders/conv/uniform.ts";
import type { DeviceCaps } from "../../graph/op.ts";
import { type ConvProduct, partsOf, productPlan, productSizes } from "./product-plan.ts";
import type { ProductRung } from "./rungs.ts";
import { isSmall } from "./sizes.ts";

/** Invocations of 32 sums that keep a small GPU busy; the other blocks have 16, and so twice as many. */
export const ENOUGH_INVOCATIONS = 2 ** 13;

/** Of a channel's work by workgroups of so many: what is brought in through the index serves more (bench/NOTES.md). */
const COST: Readonly<Record<UniformRows, number>> = { 16: 1 / 59, 32: 1 / 65, 64: 1 / 70 };

/** Channels of a workgroup with which least is done; sixteen leave no register for what zeroes a part of four terms. */
function rowsFor({ M, K }: { readonly M: number; readonly K: number }): UniformRows {
  const cost = (rows: UniformRows): number => Math.ceil(M / rows) * rows * COST[rows];
  const all: readonly UniformRows[] = K % 4 === 0 ? [64, 32, 16] : [64, 32];
  return all.reduce((best, rows) => (cost(rows) < cost(best) ? rows : best));
}

function tilesOf(product: ConvProduct, images: number): number {
  const { rows, columns, phaseRows, phaseColumns } = productSizes(product);
  const places = Math.ceil(rows / phaseRows) * Math.ceil(columns / phaseColumns);
  return Math.ceil((images * places) / UNIFORM_PLACES);
}

/** The architectures whose compiler was seen to make of such kernels what they are for, with so many bytes of workgroup memory. */
export function applies(bytes: number, caps: DeviceCaps): boolean {
  const { vendor, architecture, subgroupMaxSize, maxComputeWorkgroupStorageSize } = caps;
  const seen = vendor === "intel" && /^gen-12|^xe/.test(architecture);
  return seen && subgroupMaxSize <= UNIFORM_ACROSS && maxComputeWorkgroupStorageSize >= bytes;
}

/** For Intel's GPUs: the first guess for convolutions of as many channels as fill most of a block. */
export const uniform: ProductRung = {
  name: "block-uniform",
  needs: "subgroups",
  plan(product, caps) {
    const { M, K, phaseRows, phaseColumns } = productSizes(product);
    const { rows: down, columns: across } = product.dims;
    const rows = rowsFor({ M, K });
    if (!applies(uniformBytes(rows), caps) || down.kernel * across.kernel > UNIFORM_TAPS || K > UNIFORM_TERMS)
      return null;
    const kernel = {
      code: convUniform(product.epilogue, rows, K, phaseRows * phaseColumns > 1),
      rows,
      depth: partsOf(product),
      tilesN: (images: number) => tilesOf(product, images),
      taps: { first: 0, step: 1 } as const,
    };
    return productPlan(product, kernel, caps);
  },
  suits(product) {
    const { M, K } = productSizes(product);
    if (M < 12 || K < UNIFORM_DEPTH / 2 || isSmall(product.dims)) return false;
    const rows = rowsFor({ M, K });
    const groups = tilesOf(product, product.dims.n) * Math.ceil(M / rows) * partsOf(product);
    return groups * uniformInvocations(rows) >= ENOUGH_INVOCATIONS;
  },
};
