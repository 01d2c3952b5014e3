import type { HuggingFaceConfig } from "./config.ts";
import type { HuggingFaceFamily } from "./family.ts";
import type { HuggingFaceTensors } from "./tensors.ts";

type NamedLayer = { readonly type: string; readonly name: string } & Readonly<Record<string, unknown>>;

interface Gpt2Sizes {
  readonly vocabulary: number;
  readonly size: number;
  readonly hidden: number;
  readonly blocks: number;
  readonly positions: number;
  readonly tied: boolean;
}

/** GPT-2: learned positions, layer norms before each half, weights of linear layers as [in, out] (Conv1D). */
export const gpt2: HuggingFaceFamily = {
  prefix: "transformer.",
  // The causal mask, which files before transformers 4.30 hold.
  aside: /^h\.\d+\.attn\.(bias|masked_bias)$/,
  read(c) {
    const size = c.whole("n_embd", 768);
    const sizes: Gpt2Sizes = {
      vocabulary: c.whole("vocab_size", 50257),
      size,
      hidden: c.whole("n_inner", 4 * size),
      blocks: c.whole("n_layer", 12),
      positions: c.whole("n_positions", 1024),
      tied: c.flag("tie_word_embeddings", true),
    };
    c.only("scale_attn_weights", true);
    c.only("scale_attn_by_inverse_layer_idx", false);
    c.only("add_cross_attention", false);
    // How f16 is kept from overflowing; the same function.
    c.value("reorder_and_upcast_attn");
    return { positions: sizes.positions, layers: layersOf(c, sizes), put: (t) => put(t, sizes) };
  },
};

function layersOf(c: HuggingFaceConfig, { vocabulary, size, hidden, blocks, positions, tied }: Gpt2Sizes): object[] {
  const heads = c.whole("n_head", 12);
  const eps = c.number("layer_norm_epsilon", 1e-5, 1e-12, 1);
  const type = c.activation("activation_function", "gelu_new");
  const drop = (key: string, name: string): NamedLayer[] => {
    const p = c.number(key, 0.1, 0, 1);
    return p > 0 ? [{ type: "dropout", p, name }] : [];
  };
  const norm = (name: string): NamedLayer => ({ type: "layerNorm", size, eps, name });
  const attention = { type: "attention", size, heads, causal: true, dropout: c.number("attn_pdrop", 0.1, 0, 1) };
  const layers: NamedLayer[] = [
    { type: "embedding", vocabulary, size, name: "wte" },
    { type: "positionEmbedding", length: positions, size, name: "wpe" },
    ...drop("embd_pdrop", "drop"),
  ];
  const residual = (name: string, list: readonly NamedLayer[]): void => {
    const before = layers.at(-1)!.name;
    layers.push(...list, { type: "add", from: [before, list.at(-1)!.name], name });
  };
  for (let i = 0; i < blocks; i++) {
    const at = `h.${i}`;
    residual(`${at}.attended`, [
      norm(`${at}.ln_1`),
      { ...attention, name: `${at}.attn` },
      ...drop("resid_pdrop", `${at}.attn.resid_dropout`),
    ]);
    residual(`${at}.out`, [
      norm(`${at}.ln_2`),
      { type: "linear", in: size, out: hidden, name: `${at}.mlp.c_fc` },
      { type, name: `${at}.mlp.act` },
      { type: "linear", in: hidden, out: size, name: `${at}.mlp.c_proj` },
      ...drop("resid_pdrop", `${at}.mlp.dropout`),
    ]);
  }
  layers.push(norm("ln_f"));
  layers.push(
    tied
      ? { type: "tiedLinear", to: "wte", in: size, out: vocabulary, name: "lm_head" }
      : { type: "linear", in: size, out: vocabulary, bias: false, name: "lm_head" },
  );
  return layers;
}

function put(t: HuggingFaceTensors, { vocabulary, size, hidden, blocks, positions, tied }: Gpt2Sizes): void {
  const vector = (name: string, n: number): void => t.put(name, t.take(name, [n]));
  const norm = (name: string): void => {
    vector(`${name}.weight`, size);
    vector(`${name}.bias`, size);
  };
  const linear = (
    name: string,
    inputs: number,
    out: number,
    weight = `${name}.weight`,
    bias = `${name}.bias`,
  ): void => {
    t.put(weight, t.takeTurned(`${name}.weight`, [out, inputs]));
    t.put(bias, t.take(`${name}.bias`, [out]));
  };
  t.put("wte.weight", t.take("wte.weight", [vocabulary, size]));
  t.put("wpe.weight", t.take("wpe.weight", [positions, size]));
  for (let i = 0; i < blocks; i++) {
    const at = `h.${i}`;
    norm(`${at}.ln_1`);
    linear(`${at}.attn.c_attn`, size, 3 * size, `${at}.attn.in_proj_weight`, `${at}.attn.in_proj_bias`);
    linear(`${at}.attn.c_proj`, size, size, `${at}.attn.out_proj.weight`, `${at}.attn.out_proj.bias`);
    norm(`${at}.ln_2`);
    linear(`${at}.mlp.c_fc`, size, hidden);
    linear(`${at}.mlp.c_proj`, hidden, size);
  }
  norm("ln_f");
  // A tied head is the embedding; files may hold it under its own name as well.
  if (!tied || t.has("lm_head.weight")) t.put("lm_head.weight", t.take("lm_head.weight", [vocabulary, size]));
}
