import { gelu, relu, silu } from "./layers/activation.ts";
import { type AttentionOptions, attention } from "./layers/attention.ts";
import { dropout as dropoutOf } from "./layers/dropout.ts";
import { bad } from "./layers/fields.ts";
import { geluTanh } from "./layers/late-activations.ts";
import { layerNorm } from "./layers/layer-norm.ts";
import { linear } from "./layers/linear.ts";
import { rmsNorm } from "./layers/rms-norm.ts";
import { type LayerItem, residual } from "./sequential.ts";

const activations = { gelu, geluTanh, relu, silu };
const norms = { layerNorm: () => layerNorm(), rmsNorm: () => rmsNorm() };

/** How a block of a transformer is made: attention's own settings, without names, and these. */
export interface TransformerBlockOptions extends Omit<AttentionOptions, "name" | "from"> {
  /** Width of a step. */
  readonly size: number;
  /** Width between the two linear layers; four times the size by default. */
  readonly hidden?: number;
  /** What stands between them; gelu by default. */
  readonly activation?: keyof typeof activations;
  /** What stands before attention and before the linear layers; layerNorm by default. */
  readonly norm?: keyof typeof norms;
  /** Share that training drops of attention's weights and behind both halves; 0 by default. */
  readonly dropout?: number;
}

/**
 * A block of a transformer, [batch, t, size] to the same: x + attention(norm(x)), then x + linear(activation(linear(norm(x)))),
 * as GPT-2 and most since have it. It is a list of layers, plain data: `block("h.0", transformerBlock({ ... }))` names them.
 */
export function transformerBlock(options: TransformerBlockOptions): readonly LayerItem[] {
  const { size, hidden = 4 * size, activation = "gelu", norm = "layerNorm", dropout = 0, ...own } = options;
  const known = (key: string, value: string, among: object): void => {
    if (!Object.hasOwn(among, value)) {
      bad(`transformerBlock: "${key}" must be one of ${Object.keys(among).join(", ")}, got ${JSON.stringify(value)}`);
    }
  };
  known("activation", activation, activations);
  known("norm", norm, norms);
  const bias = own.bias ?? true;
  const drop = dropout > 0 ? [dropoutOf(dropout)] : [];
  return [
    residual([norms[norm](), { ...attention({ ...own, dropout }), size }, ...drop]),
    residual([
      norms[norm](),
      linear(size, hidden, { bias }),
      activations[activation](),
      linear(hidden, size, { bias }),
      ...drop,
    ]),
  ];
}
