import { sizeOf } from "../../core/ndarray.ts";
import { register } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";

/** A row of numbers added to each step: torch.nn.Embedding of the steps' numbers. */
export interface PositionEmbeddingSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "positionEmbedding";
  /** Steps that there may be. */
  readonly length: number;
  /** Width of a step. */
  readonly size: number;
}

export const positionEmbeddingLayer: LayerType<PositionEmbeddingSpec> = {
  type: "positionEmbedding",
  read(f) {
    f.only("length", "size");
    return { length: f.whole("length"), size: f.whole("size") };
  },
  fill: (layer, input) => ({ length: input[0]!, size: input.at(-1)!, ...layer }),
  open: "positionEmbedding({ length, size })",
  shape({ length, size }, [x], misfit) {
    if (x!.length !== 2 || x![1] !== size || x![0]! > length) misfit(`at most ${length} steps of ${size} values`);
    return x!;
  },
  parameters: ({ length, size }) => [{ key: "weight", shape: [length, size], role: "weight", normal: true }],
  onnx({ length }, { inputs, input, output, weight, wholes, between }) {
    const t = input[0]!;
    if (t === length) return [{ op: "Add", inputs: [inputs[0]!, weight("weight")], output }];
    const ends = [wholes("from", [0]), wholes("to", [t]), wholes("axis", [0])];
    return [
      { op: "Slice", inputs: [weight("weight"), ...ends], output: between("rows") },
      { op: "Add", inputs: [inputs[0]!, between("rows")], output },
    ];
  },
  torch: ({ length, size }) => `PositionEmbedding(${length}, ${size})`,
  torchClass: () => `class PositionEmbedding(nn.Embedding):
    """Adds row t of its weight to step t."""

    def forward(self, x):
        return x + self.weight[: x.shape[1]]
`,
  async forward({ g, name, parameter, ops, layerOps }, { length, size }, [x]) {
    const { part, reshape } = await layerOps();
    const [n, t] = x!.shape as readonly [number, number];
    const weight = parameter("weight");
    const used =
      t === length ? weight : g.one(part, [weight], { from: [0, 0], shape: [t, size] }, `${name}: ${t} rows`);
    const added = g.one(reshape, [used], { shape: [t * size] }, `${name}: rows`);
    const rows = g.one(reshape, [x!], { shape: [n, sizeOf([t, size])] }, `rows of ${x!.name}`);
    return g.one(reshape, [g.one(ops.addBias, [rows, added], null, name)], { shape: x!.shape }, name);
  },
};

/**
 * Adds row t of a parameter [length, size], N(0, 1) at first, to step t of x [batch, t, size]. `length` and `size` are
 * those of the values before, unless it is told; rows may have fewer steps than length, not more.
 */
export function positionEmbedding(
  options: Wiring & { readonly length?: number; readonly size?: number } = {},
): Omit<PositionEmbeddingSpec, "length" | "size"> & Partial<PositionEmbeddingSpec> {
  register(positionEmbeddingLayer);
  return { type: "positionEmbedding", ...options };
}
