/** Adapters by the command and as files, of nets that are imported once for all of it: so longer than other files. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run as generate } from "../../src/cli/generate.ts";
import { run as importCommand } from "../../src/cli/import.ts";
import { run as merge } from "../../src/cli/merge.ts";
import { run as predict } from "../../src/cli/predict.ts";
import { run as train } from "../../src/cli/train.ts";
import { trainPlan } from "../../src/cli/train-plan.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { initialise, lora, type ModelSpec, parseModel } from "../../src/index.ts";
import { writeNpy } from "../../src/io/numpy/npy.ts";
import { readAdapter, writeAdapter } from "../../src/io/peft/adapter.ts";
import { readSafetensors, writeSafetensors } from "../../src/io/safetensors/safetensors.ts";
import { writeWeights } from "../../src/io/weights/weights.ts";
import { normError } from "../shared/torch.ts";

const fixtures = fileURLToPath(new URL("../fixtures/huggingface/", import.meta.url));
let folder: string;
const at = (...path: string[]): string => join(folder, ...path);
const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));
const arrays = (path: string) => readSafetensors(new Uint8Array(readFileSync(path))).tensors;
const tokens = ndarray([4, 6], "i32", [1, 2, 3, 4, 5, 6, 2, 4, 6, 8, 10, 1, 3, 6, 9, 1, 4, 7, 0, 5, 10, 4, 9, 3]);

beforeAll(async () => {
  for (const to of [process.stdout, process.stderr]) vi.spyOn(to, "write").mockReturnValue(true);
  folder = mkdtempSync(join(tmpdir(), "chainrule-peft-"));
  writeFileSync(at("x.npy"), writeNpy(tokens));
  writeFileSync(
    at("d.safetensors"),
    writeSafetensors([
      ["x", tokens],
      [
        "y",
        ndarray(
          [4, 6],
          "i32",
          tokens.data.map((t) => (t + 1) % 11),
        ),
      ],
    ]),
  );
  for (const name of ["gpt2", "llama"]) {
    const to = ["--out", at(`${name}.json`), "--weights-out", at(`${name}.safetensors`)];
    await importCommand([join(fixtures, name), ...to, "--steps", "6", "--json"]);
  }
});
afterAll(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const settings = ["--steps", "12", "--lr", "0.05", "--batch", "4", "--backend", "cpu", "--json"];
const trained = (name: string, more: readonly string[]) =>
  train([
    at(`${name}.json`),
    "--weights",
    at(`${name}.safetensors`),
    "--data",
    at("d.safetensors"),
    ...settings,
    ...more,
  ]);
const predicted = async (name: string, weights: string, more: readonly string[] = []) => {
  await predict([
    at(`${name}.json`),
    "--weights",
    weights,
    "--data",
    at("x.npy"),
    "--out",
    at("p.csv"),
    "--backend",
    "reference",
    ...more,
  ]);
  return readFileSync(at("p.csv"), "utf8")
    .trim()
    .split(/[\n,]/)
    .map(Number)
    .filter((v) => !Number.isNaN(v));
};

describe.each([
  [
    "gpt2",
    "4,8,c_attn,mlp.c_proj",
    ["attn.c_attn", "mlp.c_proj"].flatMap((m) => [0, 1].map((i) => `transformer.h.${i}.${m}`)),
    ["c_attn", "mlp.c_proj"],
  ],
  [
    "llama",
    "2,2,q_proj,v_proj,o_proj",
    ["q_proj", "v_proj", "o_proj"].flatMap((m) => [0, 1].map((i) => `model.layers.${i}.self_attn.${m}`)),
    ["q_proj", "v_proj", "o_proj"],
  ],
] as const)("%s from Hugging Face", (name, flag, modules, targets) => {
  test("an adapter is trained, saved as PEFT has it, read back, gone on with and merged", async () => {
    const adapter = at(`${name}-adapter`);
    expect(await trained(name, ["--lora", flag, "--save", adapter])).toBe(0);
    expect(readdirSync(adapter).toSorted()).toEqual([
      "adapter_config.json",
      "adapter_model.safetensors",
      "adapter_model.safetensors.json",
    ]);
    const config = json(join(adapter, "adapter_config.json"));
    expect(config).toMatchObject({
      peft_type: "LORA",
      task_type: "CAUSAL_LM",
      bias: "none",
      fan_in_fan_out: name === "gpt2",
    });
    expect(config.target_modules.toSorted()).toEqual([...targets].toSorted());
    const saved = arrays(join(adapter, "adapter_model.safetensors"));
    const names = modules.flatMap((m) => ["A", "B"].map((k) => `base_model.model.${m}.lora_${k}.weight`));
    expect([...saved.keys()].toSorted()).toEqual(names.toSorted());
    const base = arrays(join(fixtures, name, "model.safetensors"));
    for (const module of modules) {
      const [a, b] = ["A", "B"].map((k) => saved.get(`base_model.model.${module}.lora_${k}.weight`)!.shape);
      const shape = base.get(`${module}.weight`)!.shape;
      const [out, inputs] = name === "gpt2" ? [shape[1], shape[0]] : shape;
      expect([a, b]).toEqual([
        [config.r, inputs],
        [out, config.r],
      ]);
    }

    const plain = await predicted(name, at(`${name}.safetensors`));
    const with_ = await predicted(name, at(`${name}.safetensors`), ["--adapter", adapter]);
    expect(normError(with_, plain)).toBeGreaterThan(0.01);
    const weights = at(`${name}-merged.safetensors`);
    await merge([at(`${name}.json`), "--weights", at(`${name}.safetensors`), "--adapter", adapter, "--out", weights]);
    expect(normError(await predicted(name, weights), with_)).toBeLessThan(1e-6);
    // Beside its config, under the names that transformers has.
    await merge([join(fixtures, name), "--adapter", adapter, "--out", at(`${name}-hf`)]);
    expect([...arrays(at(`${name}-hf`, "model.safetensors")).keys()].toSorted()).toEqual([...base.keys()].toSorted());
    const to = ["--out", at("again.json"), "--weights-out", at("again.safetensors")];
    await importCommand([at(`${name}-hf`), ...to, "--steps", "6", "--json"]);
    expect(normError(await predicted(name, at("again.safetensors")), with_)).toBeLessThan(1e-6);

    // On from there: the same adapter to begin with, and another at the end.
    expect(await trained(name, ["--adapter", adapter, "--save", at("more")])).toBe(0);
    const more = arrays(at("more", "adapter_model.safetensors"));
    expect([...more.keys()].toSorted()).toEqual(names.toSorted());
    expect(more.get(names[0]!)).not.toEqual(saved.get(names[0]!));
  });
});

test("a run with adapters goes on from its checkpoint", async () => {
  const from = ["--lora", "2,4", "--backend", "cpu"];
  const half = ["--checkpoint", at("run"), "--every", "6"];
  await trained("llama", [...from, ...half, "--steps", "6"]);
  await trained("llama", [...from, "--resume", at("run"), "--save", at("resumed")]);
  await trained("llama", [...from, "--save", at("whole")]);
  expect(arrays(at("resumed", "adapter_model.safetensors"))).toEqual(arrays(at("whole", "adapter_model.safetensors")));
});

test("a text goes on with an adapter, whose tokenizer lies beside it", async () => {
  writeFileSync(at("t.txt"), "the cat sat on the mat. ".repeat(30));
  const layers = [
    { type: "embedding", vocabulary: 256, size: 8 },
    { type: "linear", in: 8, out: 256, name: "head" },
  ];
  writeFileSync(at("t.json"), JSON.stringify({ input: [8], layers, loss: "crossEntropy" }));
  const own = parseModel(json(at("t.json")));
  writeFileSync(at("t.safetensors"), writeWeights(own, initialise(own, 2)));
  const flags = ["--data", at("t.txt"), "--tokenizer", "bytes", "--lora", "4,8,head", "--save", at("text")];
  const learn = ["--steps", "60", "--lr", "0.1", "--backend", "cpu", "--json"];
  expect(await train([at("t.json"), "--weights", at("t.safetensors"), ...flags, ...learn])).toBe(0);
  const said = vi.mocked(process.stdout.write).mock.calls.length;
  const write = ["--adapter", at("text"), "--prompt", "the c", "--tokens", "3", "--temperature", "0", "--json"];
  expect(await generate([at("t.json"), "--weights", at("t.safetensors"), ...write])).toBe(0);
  const [text] = vi
    .mocked(process.stdout.write)
    .mock.calls.slice(said)
    .map(([chunk]) => String(chunk));
  expect(JSON.parse(text!).text).toMatch(/^at /);
});

test.each<[string[], RegExp]>([
  [["--lora", "0"], /lora: rank must be a whole number from 1 up, got 0/],
  [["--lora", "x"], /--lora must be a number, got "x"/],
  [
    ["--lora", "2,4,q_proj"],
    /no linear map is called "q_proj"; there are c_attn, c_proj, c_fc, and the words attention/,
  ],
  [
    ["--lora", "2", "--adapter", "a"],
    /--adapter goes on with the adapters of a folder, --lora makes new ones: give one/,
  ],
  [["--adapter", "nowhere"], /--adapter nowhere: a folder is needed, with adapter_config.json and adapter_model/],
  [["--lora", "2", "--save", "w.safetensors"], /--save w.safetensors: an adapter is a folder/],
  [["--freeze", "9.*"], /freeze: "9.\*" matches no parameter; there are wte.weight/],
])("train %j is refused", async (flags, message) => {
  const args = [at("gpt2.json"), "--weights", at("gpt2.safetensors"), "--data", at("d.safetensors"), ...flags];
  await expect(trainPlan(args)).rejects.toThrow(message);
});

test("adapters without weights to adapt are refused", async () => {
  const args = [at("gpt2.json"), "--data", at("d.safetensors"), "--lora", "2"];
  await expect(trainPlan(args)).rejects.toThrow("--lora adapts a model that has learned: --weights <file> is missing");
});

describe("adapters of PEFT's", () => {
  const model = (): ModelSpec => parseModel(json(at("gpt2.json")));
  const written = () => {
    const own = lora(model(), { rank: 2, alpha: 6, targets: "c_attn" });
    const files = writeAdapter(own, initialise(own, 3));
    const tensors = readSafetensors(files.get("adapter_model.safetensors") as Uint8Array).tensors;
    return { own, config: JSON.parse(files.get("adapter_config.json") as string), tensors };
  };

  test("read back they are what was written; rank-stabilised ones are taken over", () => {
    const { own, config, tensors } = written();
    const read = readAdapter(config, tensors, model());
    expect(read.model).toEqual(own);
    const drawn = initialise(own, 3);
    for (const [name, value] of read.weights) expect(value).toEqual(drawn.get(name));
    const stable = readAdapter({ ...config, use_rslora: true }, tensors, model()).model.layers;
    const alphas = stable.flatMap((l) => (l.type === "attention" ? [l.lora!.alpha] : []));
    for (const alpha of alphas) expect(alpha).toBeCloseTo(6 * Math.SQRT2, 12);
  });

  test("ranks and alphas of single modules are written and read", () => {
    const own = lora(model(), { rank: 2, alpha: 6, targets: ["c_attn", "c_fc"] });
    const layers = own.layers.map((l, i) =>
      l.type === "linear" && l.lora && i > 10 ? { ...l, lora: { rank: 3, alpha: 1, dropout: 0 } } : l,
    );
    const several = parseModel({ ...own, layers });
    const files = writeAdapter(several, initialise(several, 3));
    const config = JSON.parse(files.get("adapter_config.json") as string);
    expect(Object.values(config.rank_pattern)).toContain(3);
    const { tensors } = readSafetensors(files.get("adapter_model.safetensors") as Uint8Array);
    expect(readAdapter(config, tensors, model()).model).toEqual(several);
  });

  test.each<[string, object, RegExp]>([
    ["dora", { use_dora: true }, /"use_dora" is true, which is not read/],
    ["modules that are saved whole", { modules_to_save: ["lm_head"] }, /"modules_to_save" is \["lm_head"\], which/],
    ["biases", { bias: "all" }, /"bias" is "all"; adapters that leave biases alone/],
    [
      "a start that changes the base",
      { init_lora_weights: "pissa" },
      /"init_lora_weights" is "pissa": such an adapter/,
    ],
    ["another method", { peft_type: "IA3" }, /"peft_type" is "IA3"; adapters of "LORA" are read/],
    ["another rank", { r: 3 }, /c_attn.lora_A.weight" is \[2, 8\], the model and a rank of 3 want \[3, 8\]/],
    ["a pattern of the file's own", { rank_pattern: { "(a+)+$": 2 } }, /"rank_pattern" has the pattern/],
    ["what nobody knows yet", { use_new_thing: true }, /"use_new_thing" is true, which is not read/],
  ])("%s: refused by name", (_what, more, message) => {
    const { config, tensors } = written();
    expect(() => readAdapter({ ...config, ...more }, tensors, model())).toThrow(message);
  });

  test("arrays that belong nowhere, are missing or of another shape are named", () => {
    const { config, tensors } = written();
    const name = "base_model.model.transformer.h.0.attn.c_attn.lora_A.weight";
    const changed = (change: (t: Map<string, NdArray>) => void) => () => {
      const own = new Map(tensors);
      change(own);
      return readAdapter(config, own, model());
    };
    const a = tensors.get(name)!;
    expect(changed((t) => t.set("base_model.model.wte.lora_embedding_A", a))).toThrow(
      /adapts an embedding: adapters of linear maps are read/,
    );
    expect(changed((t) => t.set("base_model.model.h.9.attn.lora_A.weight", a))).toThrow(
      /the model has no module "h.9.attn"; it has transformer.h.0.attn.c_attn/,
    );
    expect(changed((t) => t.delete(name))).toThrow(/"transformer.h.0.attn.c_attn.lora_A.weight" is missing/);
    expect(changed((t) => t.set(name, ndarray([2, 7], "f32", new Float32Array(14))))).toThrow(/is \[2, 7\], the model/);
    expect(changed((t) => t.set(name, { ...a, data: a.data.map(() => Number.NaN) }))).toThrow(/holds NaN/);
  });
});
