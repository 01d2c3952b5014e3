import type { MatmulForm } from "../../../shaders/matmul/common.ts";
import type { ParamBlock } from "../../../shaders/params.ts";
import { type ChipValue, type ChipWriter, type Index, index } from "../../graph/chip.ts";
import type { Op } from "../../graph/op.ts";
import { matmulDims, operandStrides } from "../matmul/dims.ts";

/** The body of an op in the kernel that runs whole steps. */
export type OnChip<A> = NonNullable<Op<A>["onChip"]>;

/**
 * What a random word, a transcendental function, or a look-up at a place known only when it runs costs in statements:
 * rough, and for the look-up it is what SwiftShader's compiler takes, 16 ms where it is written out.
 */
export const COST = { philox: 200, function: 10, lookup: 25 } as const;

/** Makes `params` a constant for the statements that follow in this scope. */
export function constants<F extends Record<string, "u32" | "f32">>(
  w: ChipWriter,
  name: string,
  block: ParamBlock<F>,
  values: { readonly [K in keyof F]: number },
): void {
  const { struct, statement } = block.constant(name, values);
  w.declare(struct);
  w.add(statement);
}

/** y[i] = expression(i), whatever the order. */
export function elementwise(w: ChipWriter, y: ChipValue, expression: (i: Index) => string, cost = 1): void {
  w.eachOf(y, (i) => w.add(`${y.at(i)} = ${expression(i)};`, cost));
}

/** Element j of row `row` of a value [M, N]. */
export const rowElement = (x: ChipValue, row: Index, j: Index): string =>
  x.at(index.plus(index.times(row, x.shape[1]!), j));

/** A product in one of its three forms, an element of C an invocation. */
export function productOnChip(form: MatmulForm): OnChip<unknown> {
  return (w, [a, b], [c]) => {
    const { M, N, K } = matmulDims(form, a!, b!);
    const { am, ak, bn, bk } = operandStrides({ form, M, N, K });
    w.each(M * N, (i) => {
      const sum = w.dot(
        K,
        { value: a!, from: index.times(index.over(i, N), am), stride: ak },
        { value: b!, from: index.times(index.rest(i, N), bn), stride: bk },
      );
      w.add(`${c!.at(i)} = ${sum};`);
    });
  };
}
