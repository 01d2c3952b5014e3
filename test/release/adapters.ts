import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { referenceBackend } from "../../src/backend/reference/executor.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { normals, STREAM } from "../../src/core/philox.ts";
import { readHuggingFace } from "../../src/io/huggingface/read.ts";
import { readAdapter, writeAdapter } from "../../src/io/peft/adapter.ts";
import { mergeIntoTensors } from "../../src/io/peft/merge.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { lora } from "../../src/nn/lora.ts";
import type { ModelSpec } from "../../src/nn/model-spec.ts";
import { parameterSpecs } from "../../src/nn/parameter-specs.ts";
import { Predictor } from "../../src/train/evaluation/predictor.ts";
import { inFolder, runPython, Verdict, writeFiles } from "./python.ts";

/**
 * Low-rank adapters beside those who made their layout: PYTHON=python3 npx tsx test/release/adapters.ts, where that Python has
 * torch, transformers and peft. Tiny random bases of GPT-2 and Llama; Chainrule's adapters are loaded by PEFT, PEFT's by
 * Chainrule, and logits compared, the adapter beside its base and merged. Exit status 1 where any differ.
 */
const [V, E, LAYERS, T, HIDDEN] = [40, 16, 2, 12, 24];
const LIMIT = 1e-5;
let step = 0;
const draw = (...shape: number[]): NdArray => {
  const size = shape.reduce((a, b) => a * b, 1);
  const values = Float32Array.from(normals(7, STREAM.check, step++, size), (v) => 0.25 * v);
  return ndarray(shape, "f32", values);
};
const around1 = (): NdArray => {
  const a = draw(E);
  return { ...a, data: (a.data as Float32Array).map((v) => 1 + v) };
};

function gpt2(): Map<string, NdArray> {
  const base = new Map([
    ["transformer.wte.weight", draw(V, E)],
    ["transformer.wpe.weight", draw(T, E)],
  ]);
  const norm = (name: string) =>
    base.set(`transformer.${name}.weight`, around1()).set(`transformer.${name}.bias`, draw(E));
  const maps = [["attn.c_attn", E, 3 * E], ["attn.c_proj", E, E], ["mlp.c_fc", E, 4 * E], ["mlp.c_proj", 4 * E, E]] as const; // biome-ignore format: a table
  for (let i = 0; i < LAYERS; i++) {
    norm(`h.${i}.ln_1`);
    norm(`h.${i}.ln_2`);
    for (const [name, from, to] of maps) {
      base.set(`transformer.h.${i}.${name}.weight`, draw(from, to)).set(`transformer.h.${i}.${name}.bias`, draw(to));
    }
  }
  norm("ln_f");
  return base;
}

function llama(): Map<string, NdArray> {
  const base = new Map([
    ["model.embed_tokens.weight", draw(V, E)],
    ["lm_head.weight", draw(V, E)],
  ]);
  for (let i = 0; i < LAYERS; i++) {
    const at = `model.layers.${i}`;
    for (const name of ["input_layernorm", "post_attention_layernorm"]) base.set(`${at}.${name}.weight`, around1());
    for (const [name, out] of [["q", E], ["k", E / 2], ["v", E / 2], ["o", E]] as const) base.set(`${at}.self_attn.${name}_proj.weight`, draw(out, E)); // biome-ignore format: a table
    for (const name of ["gate", "up"]) base.set(`${at}.mlp.${name}_proj.weight`, draw(HIDDEN, E));
    base.set(`${at}.mlp.down_proj.weight`, draw(E, HIDDEN));
  }
  return base.set("model.norm.weight", around1());
}

const common = { vocab_size: V, bos_token_id: 0, eos_token_id: 0, torch_dtype: "float32" };
const families = [
  {
    name: "gpt2",
    base: gpt2(),
    config: {
      ...common,
      architectures: ["GPT2LMHeadModel"],
      model_type: "gpt2",
      ...{ n_embd: E, n_layer: LAYERS, n_head: 4, n_positions: T, activation_function: "gelu_new" },
      ...{ attn_pdrop: 0, embd_pdrop: 0, resid_pdrop: 0, layer_norm_epsilon: 1e-5 },
    },
    adapters: {
      default: { rank: 4 },
      c_attn: { rank: 3, alpha: 5, targets: "c_attn" },
      mlp: { rank: 2, alpha: 4, targets: ["attn.c_proj", "c_fc"] },
      all: { rank: 2, alpha: 7, targets: "all-linear" },
    },
  },
  {
    name: "llama",
    base: llama(),
    config: {
      ...common,
      architectures: ["LlamaForCausalLM"],
      model_type: "llama",
      ...{ hidden_size: E, intermediate_size: HIDDEN, num_hidden_layers: LAYERS, num_attention_heads: 4 },
      ...{ num_key_value_heads: 2, max_position_embeddings: T, hidden_act: "silu", rms_norm_eps: 1e-6 },
      ...{ rope_theta: 10000, tie_word_embeddings: false },
    },
    adapters: {
      default: { rank: 4 },
      qv: { rank: 3, alpha: 5, targets: ["q_proj", "v_proj"] },
      mlp: { rank: 2, alpha: 4, targets: ["gate_proj", "down_proj", "k_proj"] },
      all: { rank: 2, alpha: 7, targets: "all-linear" },
    },
  },
] as const;

const tokens = ndarray(
  [3, T],
  "i32",
  Int32Array.from({ length: 3 * T }, (_, i) => (7 * i + 3 * (i >> 2)) % V),
);

async function logitsOf(model: ModelSpec, weights: ReadonlyMap<string, NdArray>): Promise<number[]> {
  const predictor = await Predictor.create(referenceBackend("f64"), model, weights, tokens);
  return [...(await predictor.run(null)).data];
}

function off(found: readonly number[], wanted: readonly number[]): number {
  const norm = (a: readonly number[]): number => Math.hypot(...a);
  return found.length === wanted.length ? norm(found.map((v, i) => v - wanted[i]!)) / norm(wanted) : Number.NaN;
}

const verdict = new Verdict();
await inFolder(async (folder) => {
  const theirs = join(folder, "theirs");
  for (const family of families) await writeOurs(folder, family);
  const script = fileURLToPath(new URL("adapters.py", import.meta.url));
  const { status, out, err } = runPython(["-W", "ignore", script, folder, theirs], folder);
  console.log(out.trim());
  verdict.say("Chainrule's adapters in PEFT", status === 0, status === 0 ? "" : err.slice(-2000));
  if (status === 0) for (const family of families) await readTheirs(theirs, family);
});
verdict.end();

type Family = (typeof families)[number];

/** The base, an adapter a folder, and the logits with each. */
async function writeOurs(folder: string, { name, base, config, adapters }: Family): Promise<void> {
  const net = await readHuggingFace(config, base);
  const to = join(folder, name);
  writeFiles(join(to, "base"), [
    ["config.json", JSON.stringify(config)],
    ["model.safetensors", writeSafetensors(base, { format: "pt" })],
  ]);
  const logits: Record<string, number[]> = { base: await logitsOf(net.model, net.weights) };
  for (const [key, options] of Object.entries(adapters)) {
    const model = lora(net.model, options);
    const own = parameterSpecs(model).flatMap((p) => (p.adapter ? [[p.name, draw(...p.shape)] as const] : []));
    const all = new Map([...net.weights, ...own]);
    writeFiles(join(to, key), writeAdapter(model, all));
    logits[key] = await logitsOf(model, all);
  }
  writeFiles(to, [["logits.json", JSON.stringify({ tokens: [...tokens.data], rows: 3, logits })]]);
}

async function readTheirs(folder: string, { name, base, config }: Family): Promise<void> {
  const wanted = JSON.parse(readFileSync(join(folder, "logits.json"), "utf8"))[name] as Record<string, number[]>;
  const net = await readHuggingFace(config, base);
  for (const [key, logits] of Object.entries(wanted)) {
    const from = (file: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name, key, file)));
    const about = JSON.parse(new TextDecoder().decode(from("adapter_config.json")));
    const { tensors } = readSafetensors(from("adapter_model.safetensors"));
    const read = readAdapter(about, tensors, net.model);
    const beside = off(await logitsOf(read.model, new Map([...net.weights, ...read.weights])), logits);
    const whole = await readHuggingFace(config, mergeIntoTensors(base, net.model, about, tensors));
    const merged = off(await logitsOf(whole.model, whole.weights), logits);
    const what = `logits off by ${beside.toExponential(2)}, merged by ${merged.toExponential(2)}`;
    verdict.say(`PEFT's adapter here: ${name} ${key}`, beside < LIMIT && merged < LIMIT, what);
  }
}
