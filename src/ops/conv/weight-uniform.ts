import {
  convWeightUniform,
  type WeightUniformTile,
  weightUniformBytes,
  weightUniformElements,
  weightUniformInvocations,
} from "../../../shaders/conv/weight-uniform.ts";
import type { DeviceCaps } from "../../graph/op.ts";
import type { ConvDims } from "./geometry.ts";
import type { WeightRung } from "./rungs.ts";
import { isSmall } from "./sizes.ts";
import { applies, ENOUGH_INVOCATIONS } from "./uniform.ts";
import { slicesOf, weightPlan } from "./weight-plan.ts";

/** Channels of y below which half of the lowest block would be left empty. */
const FEWEST_ROWS = 16;

/** Of an element of a channel in blocks of each shape; and in `block-narrow`, whose blocks are as high, of 32 elements. */
const TILES: readonly (WeightUniformTile & { readonly cost: number })[] = [
  { rows: 64, columns: 4, cost: 1 / 63 },
  { rows: 64, columns: 3, cost: 1 / 58 },
  { rows: 64, columns: 2, cost: 1 / 53 },
  { rows: 32, columns: 4, cost: 1 / 55 },
  { rows: 32, columns: 3, cost: 1 / 52 },
  { rows: 32, columns: 2, cost: 1 / 49 },
];
/** Workgroups that are enough: a turn of so many terms left half empty costs more, where a slice has few. */
const ENOUGH = 512;
const NARROW = { rows: 32, elements: 32, cost: 1 / 48 } as const;

const elementsOf = ({ cGroup, rows, columns }: ConvDims): number => cGroup * rows.kernel * columns.kernel;
const filled = (count: number, width: number): number => Math.ceil(count / width) * width;
const costOf = (dims: ConvDims, rows: number, elements: number, cost: number): number =>
  filled(dims.outGroup, rows) * filled(elementsOf(dims), elements) * cost;

/** The block with which least is done, beyond an edge included; and how much. */
function tileFor(dims: ConvDims): { readonly tile: WeightUniformTile; readonly cost: number } {
  return TILES.map((tile) => ({ tile, cost: costOf(dims, tile.rows, weightUniformElements(tile), tile.cost) })).reduce(
    (best, one) => (one.cost < best.cost ? one : best),
  );
}

const tilesN = (dims: ConvDims, tile: WeightUniformTile): number =>
  Math.ceil(elementsOf(dims) / weightUniformElements(tile));

/** For Intel's GPUs: the first guess where channels and elements fill most of a block, and terms keep enough of them busy. */
export const weightUniform: WeightRung = {
  name: "block-uniform",
  needs: "subgroups",
  suits(dims) {
    const { n, outGroup, groups, rows, columns } = dims;
    const { tile, cost } = tileFor(dims);
    const narrow = costOf(dims, NARROW.rows, NARROW.elements, NARROW.cost);
    if (outGroup < FEWEST_ROWS || isSmall(dims) || cost >= narrow) return false;
    const tiles = tilesN(dims, tile) * Math.ceil(outGroup / tile.rows) * groups;
    const { slices } = slicesOf(n * rows.y, columns.y, tiles, ENOUGH);
    return tiles * slices * weightUniformInvocations(tile) >= ENOUGH_INVOCATIONS;
  },
  plan(op, dims, sums, caps: DeviceCaps) {
    const { tile } = tileFor(dims);
    if (!applies(weightUniformBytes(tile), caps)) return null;
    const kernel = {
      tilesN: tilesN(dims, tile),
      rows: tile.rows,
      invocations: weightUniformInvocations(tile),
      enough: ENOUGH,
      code: (withSums: boolean) => convWeightUniform(tile, withSums),
    };
    return weightPlan(op, dims, kernel, sums, caps);
  },
};
