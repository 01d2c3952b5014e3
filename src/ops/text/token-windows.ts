import { philox as philoxCode } from "../../../shaders/random.ts";
import { startOf, tokenWindows as tokenWindowsCode, tokenWindowsParams } from "../../../shaders/text/token-windows.ts";
import { ChainruleError } from "../../core/errors.ts";
import { sizeOf, zeros } from "../../core/ndarray.ts";
import { philox, STREAM } from "../../core/philox.ts";
import { index } from "../../graph/chip.ts";
import { wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { COST, constants } from "../shared/chip.ts";
import { grid, input, output, scratch } from "../shared/dispatch-plan.ts";
import { flatCall } from "../shared/wasm-plan.ts";

/** How a text is cut into windows. */
export interface TokenWindowsAttrs {
  /** Tokens of a window. */
  readonly length: number;
  /** Windows of an epoch: windowCount of the text. */
  readonly windows: number;
  readonly seed: number;
}

/** Windows of `length` tokens, each with the token behind it, that lie side by side in a text of `tokens`. */
export const windowCount = (tokens: number, length: number): number => Math.floor((tokens - 1) / length);

const paramsOf = (rows: number, tokens: number, { length, windows, seed }: TokenWindowsAttrs) => ({
  ...{ rows, length, windows, last: tokens - 1 - length, seed: seed >>> 0, stream: STREAM.windows },
});

/**
 * x and y i32 [batch, length] from tokens i32 [n], an index of windows u32 [batch] and the cursor: window k holds `length`
 * tokens from k * length + offset on, and y those one further on, which are to be predicted. The offset is drawn for each
 * epoch, 0 to length - 1, from (seed, epoch), so that windows begin elsewhere in every pass over the text; one that would
 * run out of it ends with it. Every executor draws the same. The epoch of a row is that of its place in the order of all.
 */
export const tokenWindows: Op<TokenWindowsAttrs> = {
  name: "tokenWindows",
  infer(inputs, { length, windows }) {
    const [tokens, rows, cursor] = inputs;
    const fits = tokens!.dtype === "i32" && tokens!.shape.length === 1 && rows!.dtype === "u32";
    if (!fits || rows!.shape.length !== 1 || sizeOf(cursor!.shape) !== 4)
      wrongShapes(tokenWindows, inputs, "i32 tokens [n], u32 index [batch], a cursor [4]");
    if (windowCount(tokens!.shape[0]!, length) !== windows || windows < 1) {
      const has = `a text of ${tokens!.shape[0]} tokens`;
      throw new ChainruleError(
        "data",
        `${has} does not hold ${windows} windows of ${length} and one token behind each`,
      );
    }
    const window = { shape: [rows!.shape[0]!, length], dtype: "i32" } as const;
    return [window, window];
  },
  reference([tokens, rows, cursor], { length, windows, seed }) {
    const batch = rows!.data.length;
    const [x, y] = [zeros([batch, length], "i32"), zeros([batch, length], "i32")];
    const words = new Uint32Array(4);
    for (let i = 0; i < batch; i++) {
      const epoch = cursor!.data[1]! + Math.floor((cursor!.data[2]! + i) / windows);
      philox(0, epoch, STREAM.windows, 0, seed >>> 0, 0, words);
      const offset = Math.floor((words[0]! * length) / 2 ** 32);
      const start = Math.min(rows!.data[i]! * length + offset, tokens!.data.length - 1 - length);
      for (let j = 0; j < length; j++) {
        x.data[i * length + j] = tokens!.data[start + j]!;
        y.data[i * length + j] = tokens!.data[start + j + 1]!;
      }
    }
    return [x, y];
  },
  wasm([tokens, rows], [x], attrs) {
    const { rows: batch, ...numbers } = paramsOf(rows!.shape[0]!, tokens!.shape[0]!, attrs);
    const arrays = [input(0), input(1), input(2), output(0), output(1), scratch(0, "read_write")];
    const plan = flatCall("tokenWindows", [...arrays, batch, ...Object.values(numbers)], x!);
    return { ...plan, scratch: [{ shape: [4 * plan.calls[0]!.parts!], dtype: "u32" }] };
  },
  gradient: "none",
  onChip(w, [tokens, rows, cursor], [x, y], attrs) {
    const batch = rows!.shape[0]!;
    w.declare(philoxCode);
    constants(w, "TokenWindowsParams", tokenWindowsParams, paramsOf(batch, tokens!.shape[0]!, attrs));
    w.each(batch, (i) => {
      w.add(startOf(index.text(i), rows!.at(i), cursor!.at), COST.philox);
      w.loop(0, attrs.length, (j) => {
        const to = index.plus(index.times(i, attrs.length), j);
        w.add(`${x!.at(to)} = ${tokens!.at(`(start + ${index.text(j)})`)};`, COST.lookup);
        w.add(`${y!.at(to)} = ${tokens!.at(`(start + ${index.text(j)} + 1u)`)};`, COST.lookup);
      });
    });
  },
  lookups: [0],
  kernels: [
    {
      name: "tokenWindows/row",
      plan([tokens, rows], _outputs, attrs, caps) {
        const batch = rows!.shape[0]!;
        const bindings = [input(0), input(1), input(2), output(0), output(1)];
        const params = tokenWindowsParams.pack(paramsOf(batch, tokens!.shape[0]!, attrs));
        return {
          launches: [
            { code: tokenWindowsCode(attrs.length % 4 === 0), params, bindings, workgroups: grid(batch, caps) },
          ],
        };
      },
    },
  ],
};
