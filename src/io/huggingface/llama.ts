import { ndarray } from "../../core/ndarray.ts";
import type { HuggingFaceConfig } from "./config.ts";
import type { HuggingFaceFamily } from "./family.ts";
import { below, type HuggingFaceTensors } from "./tensors.ts";

interface LlamaSizes {
  readonly vocabulary: number;
  readonly size: number;
  readonly hidden: number;
  readonly blocks: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly tied: boolean;
  /** Of queries, keys and values; and of attention's output. */
  readonly bias: { readonly inputs: boolean; readonly output: boolean };
  readonly mlpBias: boolean;
}

/** Llama and the nets that are made like it: rotary positions, rms norms, a gated half (silu(gate) up). */
export function llama(kind: "llama" | "mistral" | "qwen2"): HuggingFaceFamily {
  return {
    prefix: "model.",
    // The angles' frequencies, which old files hold.
    aside: /(^|\.)rotary_emb\.inv_freq$/,
    read(c) {
      const size = c.whole("hidden_size", 4096);
      const heads = c.whole("num_attention_heads", 32);
      const own = kind === "llama" && c.flag("attention_bias", false);
      const sizes: LlamaSizes = {
        vocabulary: c.whole("vocab_size", 32000),
        size,
        hidden: c.whole("intermediate_size", 11008),
        blocks: c.whole("num_hidden_layers", 32),
        heads,
        keyHeads: c.whole("num_key_value_heads", heads),
        tied: c.flag("tie_word_embeddings", false),
        bias: { inputs: own || kind === "qwen2", output: own },
        mlpBias: kind === "llama" && c.flag("mlp_bias", false),
      };
      if (size % heads !== 0) c.refuse(`"num_attention_heads" must divide "hidden_size", got ${heads} and ${size}`);
      c.only("head_dim", size / heads);
      const positions = c.whole("max_position_embeddings", 2048);
      requireWholeWindow(c, positions);
      const notes =
        sizes.bias.inputs && !sizes.bias.output
          ? ["attention's output has a bias here, which the file has not: it begins at 0"]
          : [];
      return { positions, layers: layersOf(c, sizes), put: (t) => put(t, sizes), notes };
    },
  };
}

/** Attention sees all steps before its own: a window that slides is refused, unless it reaches over all. */
function requireWholeWindow(c: HuggingFaceConfig, positions: number): void {
  const used = c.flag("use_sliding_window", true);
  c.value("max_window_layers");
  c.value("layer_types");
  const window = c.value("sliding_window");
  if (used && typeof window === "number" && window < positions) {
    c.refuse(`"sliding_window" is ${window}, below "max_position_embeddings": such attention is not read`);
  }
}

/** The base of the angles; newer configs have it in "rope_parameters". Angles that are scaled are refused. */
function baseOf(c: HuggingFaceConfig): number {
  for (const key of ["rope_parameters", "rope_scaling"]) {
    const value = c.value(key);
    if (value === undefined) continue;
    const { rope_type, type = rope_type, rope_theta, ...more } = value as Record<string, unknown>;
    if (typeof value !== "object" || (type !== undefined && type !== "default") || Object.keys(more).length > 0) {
      c.refuse(`"${key}" is ${JSON.stringify(value)}; only angles as they are ("default") are read`);
    }
    if (typeof rope_theta === "number") return rope_theta;
  }
  return c.number("rope_theta", 10000, 1, 1e12);
}

function layersOf(c: HuggingFaceConfig, sizes: LlamaSizes): object[] {
  const { vocabulary, size, hidden, blocks, heads, keyHeads, tied, bias, mlpBias } = sizes;
  const eps = c.number("rms_norm_eps", 1e-6, 1e-12, 1);
  const gate = c.activation("hidden_act", "silu");
  const base = baseOf(c);
  const dropout = c.number("attention_dropout", 0, 0, 1);
  const norm = (name: string): object => ({ type: "rmsNorm", size, eps, name });
  const attention = {
    type: "attention",
    size,
    heads,
    keyHeads,
    causal: true,
    bias: bias.inputs,
    rotary: true,
    base,
    dropout,
  };
  const layers: object[] = [{ type: "embedding", vocabulary, size, name: "embed_tokens" }];
  let before = "embed_tokens";
  for (let i = 0; i < blocks; i++) {
    const at = `layers.${i}`;
    const linear = (key: string, inputs: number, out: number): object => ({
      ...{ type: "linear", in: inputs, out, bias: mlpBias, name: `${at}.mlp.${key}` },
    });
    layers.push(
      norm(`${at}.input_layernorm`),
      { ...attention, name: `${at}.self_attn` },
      { type: "add", from: [before, `${at}.self_attn`], name: `${at}.attended` },
      norm(`${at}.post_attention_layernorm`),
      linear("gate_proj", size, hidden),
      { type: gate, name: `${at}.mlp.gate` },
      { ...linear("up_proj", size, hidden), from: `${at}.post_attention_layernorm` },
      { type: "multiply", from: [`${at}.mlp.gate`, `${at}.mlp.up_proj`] },
      linear("down_proj", hidden, size),
      { type: "add", from: [`${at}.attended`, `${at}.mlp.down_proj`], name: `${at}.out` },
    );
    before = `${at}.out`;
  }
  layers.push(norm("norm"));
  layers.push(
    tied
      ? { type: "tiedLinear", to: "embed_tokens", in: size, out: vocabulary, name: "lm_head" }
      : { type: "linear", in: size, out: vocabulary, bias: false, name: "lm_head" },
  );
  return layers;
}

function put(t: HuggingFaceTensors, sizes: LlamaSizes): void {
  const { vocabulary, size, hidden, blocks, heads, keyHeads, tied, bias, mlpBias } = sizes;
  const same = (name: string, shape: readonly number[]): void => t.put(name, t.take(name, shape));
  const keys = (size / heads) * keyHeads;
  same("embed_tokens.weight", [vocabulary, size]);
  for (let i = 0; i < blocks; i++) {
    const at = `layers.${i}`;
    const inputs = [
      ["q", size],
      ["k", keys],
      ["v", keys],
    ] as const;
    same(`${at}.input_layernorm.weight`, [size]);
    t.put(
      `${at}.self_attn.in_proj_weight`,
      below(inputs.map(([k, out]) => t.take(`${at}.self_attn.${k}_proj.weight`, [out, size]))),
    );
    t.put(`${at}.self_attn.out_proj.weight`, t.take(`${at}.self_attn.o_proj.weight`, [size, size]));
    if (bias.inputs) {
      t.put(
        `${at}.self_attn.in_proj_bias`,
        below(inputs.map(([k, out]) => t.take(`${at}.self_attn.${k}_proj.bias`, [out]))),
      );
      t.put(
        `${at}.self_attn.out_proj.bias`,
        bias.output ? t.take(`${at}.self_attn.o_proj.bias`, [size]) : ndarray([size], "f32", new Float32Array(size)),
      );
    }
    same(`${at}.post_attention_layernorm.weight`, [size]);
    for (const [key, from, out] of [
      ["gate_proj", size, hidden],
      ["up_proj", size, hidden],
      ["down_proj", hidden, size],
    ] as const) {
      same(`${at}.mlp.${key}.weight`, [out, from]);
      if (mlpBias) same(`${at}.mlp.${key}.bias`, [out]);
    }
  }
  same("norm.weight", [size]);
  // A tied head is the embedding; files may hold it under its own name as well.
  if (!tied || t.has("lm_head.weight")) same("lm_head.weight", [vocabulary, size]);
}
