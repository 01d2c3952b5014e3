import { matmulBlock } from "../../../shaders/matmul/block.ts";
import { multipliesHalves } from "../../graph/multiplies-halves.ts";
import type { AnyOp, Kernel } from "../../graph/op.ts";
import { productRungs } from "./kernels.ts";
import { blockShape, ladder, type Rung } from "./rungs.ts";

/** Those that are the first guess where a device multiplies halves as they are. */
const BLOCKS = /^(block64|block128)(-split)?$/;

/**
 * Blocks that pass through workgroup memory as halves: half the memory, so that up to twice as many waves are at work
 * (bench/NOTES.md), and the same products, since halves are numbers of f32 too. Sums are f32. Elsewhere a conversion for
 * each operand of a term costs more than the memory is worth.
 */
const rungs: readonly Rung[] = ladder
  .filter(({ name }) => BLOCKS.test(name))
  .map((rung) => ({
    ...rung,
    name: `${rung.name}-halves`,
    suits: (dims, caps) => multipliesHalves(caps) && rung.suits(dims, caps),
    code: (variant, vector, terms, caps, sliced) => {
      const shape = blockShape(rung.name.replace("-split", ""), caps)!;
      return matmulBlock(variant, { ...shape, type: "vec4<f16>" }, vector, terms, sliced);
    },
  }));

/** The kernels of an op that is a product; none for any other op. Their texts want both operands to be arrays of f16. */
// biome-ignore lint/suspicious/noExplicitAny: kernels of the op list have attributes of every type
export const halfBlockKernels = (op: AnyOp): readonly Kernel<any>[] =>
  rungs.flatMap((rung) => productRungs.of(op, rung) ?? []);
