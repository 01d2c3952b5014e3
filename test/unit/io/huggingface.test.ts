import { readFileSync } from "node:fs";
import { describe, expect, it, test } from "vitest";
import { referenceBackend } from "../../../src/backend/reference/executor.ts";
import { type NdArray, ndarray } from "../../../src/core/ndarray.ts";
import { readHuggingFace, tensorsBeside } from "../../../src/io/huggingface/read.ts";
import { importNet } from "../../../src/io/net/import.ts";
import type { ImportOptions } from "../../../src/io/net/net-parts.ts";
import { readSafetensors, writeSafetensors } from "../../../src/io/safetensors/safetensors.ts";
import { Predictor } from "../../../src/train/evaluation/predictor.ts";
import { normError } from "../../shared/torch.ts";

const folder = new URL("../../fixtures/huggingface/", import.meta.url);
const bytesOf = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(path, folder)));
const configOf = (name: string) => JSON.parse(readFileSync(new URL(`${name}/config.json`, folder), "utf8"));
const tensorsOf = (name: string): Map<string, NdArray> =>
  new Map(readSafetensors(bytesOf(`${name}/model.safetensors`)).tensors);
/** What PyTorch computes in f64 from the files' numbers. */
const exact: Readonly<Record<string, { readonly tokens: number[][]; readonly logits: number[] }>> = JSON.parse(
  readFileSync(new URL("logits.json", folder), "utf8"),
);

async function logits(net: Awaited<ReturnType<typeof importNet>>, tokens: number[][]): Promise<ArrayLike<number>> {
  const x = ndarray([tokens.length, tokens[0]!.length], "i32", tokens.flat());
  const predictor = await Predictor.create(referenceBackend("f64"), net.model, net.weights, x);
  const { data } = await predictor.run(net.weights);
  predictor.dispose();
  return data;
}

const beside = (name: string, options: ImportOptions = {}) =>
  importNet(
    { name: "config.json", bytes: bytesOf(`${name}/config.json`), read: async (file) => bytesOf(`${name}/${file}`) },
    options,
  );

describe("language models of Hugging Face", () => {
  test.each(Object.keys(exact))("%s gives PyTorch's logits", async (name) => {
    const { tokens, logits: wanted } = exact[name]!;
    const net = await beside(name);
    expect(net.model.loss).toBe("crossEntropy");
    expect(normError(await logits(net, tokens), wanted)).toBeLessThan(1e-12);
  });

  it("has rows of fewer steps where they are asked for", async () => {
    const { tokens, logits: wanted } = exact.gpt2!;
    const net = await beside("gpt2", { steps: 4 });
    expect(net.model.input).toEqual([4]);
    const short = await logits(
      net,
      tokens.map((row) => row.slice(0, 4)),
    );
    const each = wanted.length / tokens.length;
    expect(normError(short, [...wanted.slice(0, 44), ...wanted.slice(each, each + 44)])).toBeLessThan(1e-12);
    await expect(beside("gpt2", { steps: 10 })).rejects.toThrow("10 steps: the net was made for 9 at most");
  });

  it("keeps dropout as the config has it, and none where it is 0", async () => {
    const drops = async (config: object) =>
      (await readHuggingFace({ ...configOf("gpt2"), ...config }, tensorsOf("gpt2"))).model.layers.filter(
        ({ type }) => type === "dropout",
      ).length;
    expect(await drops({})).toBe(5);
    expect(await drops({ resid_pdrop: 0, embd_pdrop: 0 })).toBe(0);
  });

  it("reads files without the prefix, with masks and with a head that is the embedding again", async () => {
    const tensors = new Map([...tensorsOf("gpt2")].map(([name, a]) => [name.replace("transformer.", ""), a]));
    tensors.set("h.0.attn.bias", ndarray([1, 1, 9, 9], "f32", new Float32Array(81)));
    tensors.set("lm_head.weight", tensors.get("wte.weight")!);
    const { tokens, logits: wanted } = exact.gpt2!;
    const net = await readHuggingFace(configOf("gpt2"), tensors);
    expect(normError(await logits(net, tokens), wanted)).toBeLessThan(1e-12);
    tensors.set("lm_head.weight", tensors.get("wpe.weight")!);
    await expect(readHuggingFace(configOf("gpt2"), tensors)).rejects.toThrow('"lm_head.weight" is [9, 8]');
    const other = { ...tensors.get("wte.weight")!, data: tensors.get("wte.weight")!.data.map((v) => v + 1) };
    tensors.set("lm_head.weight", other);
    await expect(readHuggingFace(configOf("gpt2"), tensors)).rejects.toThrow(
      '"lm_head.weight" differs from the embedding',
    );
  });

  it("reads weights that an index divides among files", async () => {
    const all = [...tensorsOf("llama")];
    const [first, second] = [all.slice(0, 7), all.slice(7)];
    const map = Object.fromEntries([
      ...first.map(([n]) => [n, "a.safetensors"]),
      ...second.map(([n]) => [n, "b.safetensors"]),
    ]);
    const files = new Map([
      ["model.safetensors.index.json", new TextEncoder().encode(JSON.stringify({ weight_map: map }))],
      ["a.safetensors", writeSafetensors(first)],
      ["b.safetensors", writeSafetensors(second)],
    ]);
    const read = async (file: string): Promise<Uint8Array> => {
      const found = files.get(file);
      if (found) return found;
      const { ChainruleError } = await import("../../../src/core/errors.ts");
      throw new ChainruleError("file", `no ${file}`);
    };
    const net = await readHuggingFace(configOf("llama"), await tensorsBeside(read));
    expect(normError(await logits(net, exact.llama!.tokens), exact.llama!.logits)).toBeLessThan(1e-12);
    files.set("model.safetensors.index.json", new TextEncoder().encode('{"weight_map":{"x":"../b.safetensors"}}'));
    await expect(tensorsBeside(read)).rejects.toThrow("only files beside the model are read");
    files.delete("model.safetensors.index.json");
    await expect(tensorsBeside(read)).rejects.toThrow("no model.safetensors");
  });

  test.each<[string, string, object, string]>([
    ["another kind", "gpt2", { model_type: "bert" }, '"model_type" is "bert"; gpt2, llama, mistral, qwen2 are read'],
    [
      "scaled angles",
      "llama",
      { rope_scaling: { rope_type: "llama3", factor: 8 } },
      '"rope_scaling" is {"rope_type":"llama3"',
    ],
    ["a window that slides", "qwen2", { use_sliding_window: true }, '"sliding_window" is 4'],
    ["heads of another width", "llama", { head_dim: 8 }, '"head_dim" is 8; nets with 4 are read'],
    ["another activation", "llama", { hidden_act: "relu2" }, '"hidden_act" is "relu2"; known are gelu_new'],
    [
      "scores divided by the block's number",
      "gpt2",
      { scale_attn_by_inverse_layer_idx: true },
      "scale_attn_by_inverse",
    ],
    ["heads that do not divide", "llama", { num_attention_heads: 3 }, '"num_attention_heads" must divide'],
    ["a size that is none", "gpt2", { n_embd: "8" }, '"n_embd" must be a whole number from 1, got "8"'],
    [
      "a block more than there is",
      "gpt2",
      { n_layer: 3 },
      "weights: missing are h.2.ln_1.weight [8], h.2.ln_1.bias [8]",
    ],
    ["a block less", "gpt2", { n_layer: 1 }, "the config has no place for h.1.ln_1.weight"],
    ["another vocabulary", "qwen2", { vocab_size: 8 }, '"embed_tokens.weight" is [7, 8], the config wants [8, 8]'],
  ])("refuses %s", async (_what, name, change, message) => {
    const config = { ...configOf(name), ...change };
    await expect(readHuggingFace(config, tensorsOf(name))).rejects.toThrow(message);
  });

  it("names settings that it did not look at", async () => {
    const { notes } = await readHuggingFace({ ...configOf("gpt2"), logit_scale: 3 }, tensorsOf("gpt2"));
    expect(notes).toEqual(["settings that were not looked at: logit_scale"]);
  });

  it("takes steps for language models alone", async () => {
    const keras = { name: "m.json", bytes: new TextEncoder().encode('{"class_name":"Sequential"}') };
    await expect(importNet(keras, { steps: 4 })).rejects.toThrow("only a language model");
    await expect(beside("gpt2", { loss: "mse" })).rejects.toThrow("trained with crossEntropy, not mse");
  });
});
