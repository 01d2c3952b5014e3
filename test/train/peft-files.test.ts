import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { run as importCommand } from "../../src/cli/import.ts";
import { type NdArray, ndarray } from "../../src/core/ndarray.ts";
import { initialise, lora, type ModelSpec, parseModel } from "../../src/index.ts";
import { readAdapter, writeAdapter } from "../../src/io/peft/adapter.ts";
import { readSafetensors } from "../../src/io/safetensors/safetensors.ts";

let folder: string;
beforeAll(async () => {
  for (const to of [process.stdout, process.stderr]) vi.spyOn(to, "write").mockReturnValue(true);
  folder = mkdtempSync(join(tmpdir(), "chainrule-peft-"));
  const from = fileURLToPath(new URL("../fixtures/huggingface/gpt2", import.meta.url));
  const to = ["--out", join(folder, "gpt2.json"), "--weights-out", join(folder, "gpt2.safetensors")];
  await importCommand([from, ...to, "--steps", "6", "--json"]);
});
afterAll(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

describe("adapters of PEFT's", () => {
  const model = (): ModelSpec => parseModel(JSON.parse(readFileSync(join(folder, "gpt2.json"), "utf8")));
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
      /is no lora_A or lora_B of a linear/,
    );
    expect(changed((t) => t.set("base_model.model.h.9.attn.lora_A.weight", a))).toThrow(
      /the model has no module "h.9.attn"; it has transformer.h.0.attn.c_attn/,
    );
    expect(changed((t) => t.delete(name))).toThrow(/"transformer.h.0.attn.c_attn.lora_A.weight" is missing/);
    expect(changed((t) => t.set(name, ndarray([2, 7], "f32", new Float32Array(14))))).toThrow(/is \[2, 7\], the model/);
    expect(changed((t) => t.set(name, { ...a, data: a.data.map(() => Number.NaN) }))).toThrow(/holds NaN/);
  });
});
