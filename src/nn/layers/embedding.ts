import { register } from "./known.ts";
import type { LayerType, Wiring } from "./layer-type.ts";
import { tokenInput } from "./tokens.ts";

/** A row of numbers for each token: torch.nn.Embedding. It reads the model's input, whole numbers [t], alone. */
export interface EmbeddingSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "embedding";
  /** Tokens that there are: they count from 0 to vocabulary - 1. */
  readonly vocabulary: number;
  /** Numbers that each becomes. */
  readonly size: number;
  /** A token whose row begins at 0 and gets no gradient; none where absent. */
  readonly paddingIndex?: number;
}

export const embeddingLayer: LayerType<EmbeddingSpec> = {
  type: "embedding",
  read(f) {
    f.only("vocabulary", "size", "paddingIndex");
    const vocabulary = f.whole("vocabulary");
    const size = f.whole("size");
    if (!f.has("paddingIndex")) return { vocabulary, size };
    const paddingIndex = f.whole("paddingIndex", undefined, 0);
    if (paddingIndex >= vocabulary) {
      f.bad(`"paddingIndex" is ${paddingIndex}, and tokens count from 0 to ${vocabulary - 1}`);
    }
    return { vocabulary, size, paddingIndex };
  },
  tokens: { vocabulary: ({ vocabulary }) => vocabulary, input: tokenInput },
  shape: (layer, [x]) => [...x!, layer.size],
  parameters: ({ vocabulary, size, paddingIndex }) => [
    {
      key: "weight",
      shape: [vocabulary, size],
      role: "weight",
      normal: true,
      ...(paddingIndex === undefined ? {} : { zeroRow: paddingIndex }),
    },
  ],
  onnx: (_layer, { inputs, output, weight }) => [
    { op: "Gather", inputs: [weight("weight"), inputs[0]!], output, integers: { axis: 0 } },
  ],
  torch: ({ vocabulary, size, paddingIndex }) =>
    `nn.Embedding(${vocabulary}, ${size}${paddingIndex === undefined ? "" : `, padding_idx=${paddingIndex}`})`,
  async forward({ g, name, parameter, layerOps }, { paddingIndex = null }, [x]) {
    const { embedding } = await layerOps();
    return g.one(embedding, [x!, parameter("weight")], { paddingIndex }, name);
  },
};

/** How an embedding is made. */
export interface EmbeddingOptions extends Wiring {
  /** A token whose row begins at 0 and gets no gradient. */
  readonly paddingIndex?: number;
}

/**
 * From tokens i32 [batch, t], whole numbers from 0 to vocabulary - 1, to y [batch, t, size]: a row of a weight
 * [vocabulary, size] for each, N(0, 1) at first. It reads the model's input, which is `input: [t]` then, and tokens
 * outside the vocabulary are an error before anything is trained.
 */
export function embedding(vocabulary: number, size: number, options: EmbeddingOptions = {}): EmbeddingSpec {
  register(embeddingLayer);
  return { type: "embedding", vocabulary, size, ...options };
}
