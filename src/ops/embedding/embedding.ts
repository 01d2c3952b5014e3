import {
  embeddingParams,
  embeddingScanParams,
  embeddingSums,
  embedding as forwardCode,
  embeddingScan as scanCode,
  sortTokens,
  sortTokensParams,
} from "../../../shaders/embedding/embedding.ts";
import { sizeOf, type TypedArray } from "../../core/ndarray.ts";
import { type Index, index } from "../../graph/chip.ts";
import { type TensorSpec, wrongShapes } from "../../graph/graph.ts";
import type { Op } from "../../graph/op.ts";
import { COST } from "../shared/chip.ts";
import { flatLaunch, inFours, input, output, scratch } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { call, partsOf } from "../shared/wasm-plan.ts";

/** Settings of embedding. */
export interface EmbeddingAttrs {
  /** The token whose row of the weight gets no gradient; null where every row gets one. */
  readonly paddingIndex: number | null;
}

/** Settings of embeddingGradient. */
export interface EmbeddingGradientAttrs extends EmbeddingAttrs {
  /** Rows of the weight. */
  readonly vocabulary: number;
}

/** y [..., size] = the rows of weight [vocabulary, size] that tokens i32 [...] name, each from 0 to vocabulary - 1. */
export const embedding: Op<EmbeddingAttrs> = {
  name: "embedding",
  infer(inputs) {
    const [tokens, weight] = inputs;
    if (tokens!.dtype !== "i32" || weight!.shape.length !== 2) {
      wrongShapes(embedding, inputs, "i32 tokens [...] and weight [vocabulary, size]");
    }
    return [{ shape: [...tokens!.shape, weight!.shape[1]!], dtype: "f32" }];
  },
  reference([tokens, weight]) {
    const width = weight!.shape[1]!;
    const y = floatLike(weight!, [...tokens!.shape, width]);
    tokens!.data.forEach((token, i) => {
      y.data.set(weight!.data.subarray(token * width, (token + 1) * width) as TypedArray, i * width);
    });
    return [y];
  },
  wasm: ([tokens, weight], [y]) =>
    call(
      "embedding",
      [input(0), input(1), output(0), sizeOf(tokens!.shape), weight!.shape[1]!],
      partsOf(sizeOf(y!.shape)),
    ),
  onChip(w, [tokens, weight], [y]) {
    const [vocabulary, width] = weight!.shape as readonly [number, number];
    w.eachOf(y!, (i) => {
      const token = tokens!.at(index.over(i, width));
      const column = index.rest(i, width);
      const element = (row: Index): string => weight!.at(index.plus(index.times(row, width), column));
      if (typeof i === "string") return w.add(`${y!.at(i)} = ${element(`u32(${token})`)};`, COST.lookup);
      // Written out, elements are variables of their own, which no number chooses.
      w.add(`var found = 0.0; let token = ${token};`);
      w.loop(0, vocabulary, (row) =>
        w.add(`found = select(found, ${element(row)}, u32(token) == ${index.text(row)});`),
      );
      w.add(`${y!.at(i)} = found;`);
    });
  },
  unlearned([, weight], { paddingIndex }) {
    const width = weight!.shape[1]!;
    return paddingIndex === null ? null : { input: 1, from: paddingIndex * width, to: (paddingIndex + 1) * width };
  },
  gradient: (g, { inputs: [tokens, weight], attrs }, [dy]) => [
    null,
    g.one(embeddingGradient, [dy!, tokens!], { ...attrs, vocabulary: weight!.shape[0]! }, `d ${weight!.name}`),
  ],
  kernels: [
    {
      name: "embedding/flat",
      plan([, weight], [y], _a, caps) {
        const [four, width] = inFours(weight!.shape[1]!);
        const size = (sizeOf(y!.shape) / weight!.shape[1]!) * width;
        const params = embeddingParams.pack({ size, width });
        return { launches: [flatLaunch(forwardCode(four), params, [input(0), input(1), output(0)], size, caps)] };
      },
    },
  ],
};

/** Comparisons of tokens up to which looking at all of them costs less than a second launch. */
const SCAN_WORK = 2 ** 20;

const sizes = ([dy, tokens]: readonly TensorSpec[]) => ({
  count: sizeOf(tokens!.shape),
  width: dy!.shape.at(-1)!,
});

/** dweight [vocabulary, size] from dy [..., size] and tokens i32 [...]: sums over the places of a token, in their order. */
export const embeddingGradient: Op<EmbeddingGradientAttrs> = {
  name: "embeddingGradient",
  infer(inputs, { vocabulary }) {
    const [dy, tokens] = inputs;
    const { count, width } = sizes(inputs);
    if (tokens!.dtype !== "i32" || sizeOf(dy!.shape) !== count * width) {
      wrongShapes(embeddingGradient, inputs, "dy [..., size] and i32 tokens [...]");
    }
    return [{ shape: [vocabulary, width], dtype: "f32" }];
  },
  reference([dy, tokens], { paddingIndex, vocabulary }) {
    const width = dy!.shape.at(-1)!;
    const dweight = floatLike(dy!, [vocabulary, width]);
    tokens!.data.forEach((token, i) => {
      if (token === paddingIndex) return;
      for (let j = 0; j < width; j++) dweight.data[token * width + j]! += dy!.data[i * width + j]!;
    });
    return [dweight];
  },
  wasm(inputs, [dweight], { paddingIndex, vocabulary }) {
    const { count, width } = sizes(inputs);
    const parts = Math.min(MOST_PARTS, partsOf(sizeOf(dweight!.shape) + count * width));
    const numbers = [count, width, vocabulary, paddingIndex ?? vocabulary];
    return call("embeddingGradient", [input(0), input(1), output(0), ...numbers], parts);
  },
  onChip(w, [dy, tokens], [dweight], { paddingIndex }) {
    const { count, width } = sizes([dy!, tokens!]);
    w.eachOf(dweight!, (i) => {
      const row = w.name(index.over(i, width));
      const column = w.name(index.rest(i, width));
      w.add("var sum = 0.0;");
      w.loop(0, count, (k) => {
        const own = `u32(${tokens!.at(k)}) == ${index.text(row)}`;
        w.add(`sum += select(0.0, ${dy!.at(index.plus(index.times(k, width), column))}, ${own});`);
      });
      const without = paddingIndex === null ? "false" : `${index.text(row)} == ${paddingIndex}u`;
      w.add(`${dweight!.at(i)} = select(sum, 0.0, ${without});`);
    });
  },
  gradient: "none",
  kernels: [
    {
      name: "embeddingGradient/scan",
      plan(inputs, [dweight], attrs, caps) {
        const { four, ...numbers } = gradientNumbers(inputs, dweight!, attrs);
        const params = embeddingScanParams.pack(numbers);
        return { launches: [flatLaunch(scanCode(four), params, [input(0), input(1), output(0)], numbers.size, caps)] };
      },
    },
    {
      name: "embeddingGradient/sorted",
      plan(inputs, [dweight], attrs, caps) {
        const { four, ...numbers } = gradientNumbers(inputs, dweight!, attrs);
        const { size, count } = numbers;
        const params = embeddingScanParams.pack(numbers);
        const [first, rank, order] = [0, 1, 2].map((k) => scratch(k, "read_write"));
        const sorting = {
          code: sortTokens(),
          params: sortTokensParams.pack({ count, vocabulary: attrs.vocabulary }),
          bindings: [input(1), first!, rank!, order!],
          workgroups: [1, 1, 1] as const,
        };
        const bindings = [input(0), scratch(0, "read"), scratch(2, "read"), output(0)];
        return {
          launches: [sorting, flatLaunch(embeddingSums(four), params, bindings, size, caps)],
          scratch: [attrs.vocabulary + 1, count, count].map((n) => ({ shape: [n], dtype: "u32" as const })),
        };
      },
      suits(inputs, { vocabulary }) {
        const { count, width } = sizes(inputs);
        return count * vocabulary * width > SCAN_WORK;
      },
    },
  ],
};

/** Every part looks at all tokens. */
const MOST_PARTS = 16;

/** What both kernels are told: sizes in elements, or in fours where rows are whole ones. */
function gradientNumbers(inputs: readonly TensorSpec[], dweight: TensorSpec, attrs: EmbeddingGradientAttrs) {
  const { count, width: elements } = sizes(inputs);
  const [four, width] = inFours(elements);
  return { four, size: (sizeOf(dweight.shape) / elements) * width, width, count, without: withoutOf(attrs) };
}

const withoutOf = ({ paddingIndex, vocabulary }: EmbeddingGradientAttrs): number => paddingIndex ?? vocabulary;
