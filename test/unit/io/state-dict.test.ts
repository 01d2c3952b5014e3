import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { referenceBackend } from "../../../src/backend/reference/executor.ts";
import { ndarray } from "../../../src/core/ndarray.ts";
import { readStateDict } from "../../../src/io/pytorch/state-dict/read.ts";
import { writeSafetensors } from "../../../src/io/safetensors/safetensors.ts";
import { loadWeights } from "../../../src/io/weights/load.ts";
import { weightTensors } from "../../../src/io/weights/weights.ts";
import { readZip } from "../../../src/io/zip/zip.ts";
import type { ModelSpec } from "../../../src/nn/model-spec.ts";
import { parseModel } from "../../../src/nn/parse-model.ts";
import { predictRows } from "../../../src/train/evaluation/predict-rows.ts";
import { zipFile } from "./zip-file.ts";

const file = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/state-dict/${name}`, import.meta.url)));
const expected = JSON.parse(new TextDecoder().decode(file("expected.json")));
const x = ndarray([3, 4], "f32", expected.x.flat());

const linear = (inputs: number, outputs: number, bias = true) => ({ type: "linear", in: inputs, out: outputs, bias });
const net = parseModel({
  layers: [linear(4, 5), { type: "relu" }, { type: "layerNorm", size: 5 }, linear(5, 3)],
  loss: "mse",
});
const views = parseModel({
  layers: [linear(4, 5), linear(5, 5, false), linear(5, 5, false), linear(5, 3)],
  loss: "mse",
});

/** Holds what a net gives with a file's weights to what PyTorch gave with them. */
async function outputsAre(bytes: Uint8Array, outputs: string, model: ModelSpec = net, options = {}) {
  const { weights, notes } = await loadWeights("w.pt", bytes, model, { precision: "f64", ...options });
  const y = await predictRows(referenceBackend("f64"), model, weights, x);
  const wanted: number[] = expected.y[outputs].flat();
  for (const [i, value] of wanted.entries()) expect(y.data[i]).toBeCloseTo(value, 6);
  return notes;
}

describe("what PyTorch wrote gives PyTorch's own outputs", () => {
  it.each([
    ["plain.pt", "plain"],
    ["protocol3.pth", "plain"],
    ["protocol4.pth", "plain"],
    ["protocol5.pth", "plain"],
    ["legacy.pt", "plain"],
    ["parameters.pt", "plain"],
    ["f16.pt", "f16"],
    ["bf16.pt", "bf16"],
    ["f64.pt", "f64"],
  ])("%s", async (name, outputs) => {
    expect(await outputsAre(file(name), outputs)).toEqual([]);
  });

  it("views with offsets and strides, a memory shared by all, expanded rows", async () => {
    expect(await outputsAre(file("views.pt"), "views", views)).toEqual([]);
  });

  it("names of DistributedDataParallel, torch.compile and AveragedModel, and says what it took off", async () => {
    expect(await outputsAre(file("ddp.pt"), "plain")).toEqual(['"module." before every name is taken off']);
    expect(await outputsAre(file("compiled-ddp.pt"), "plain")).toEqual([
      '"module." and "_orig_mod." before every name are taken off',
    ]);
    expect(await outputsAre(file("averaged.pt"), "plain")).toEqual([
      '"module." before every name is taken off; "n_averaged" is left out',
    ]);
  });

  it("a checkpoint with optimizer, scheduler, counters and random state: the weights are found, and it says where", async () => {
    expect(await outputsAre(file("checkpoint.pth"), "trained")).toEqual([
      'the weights are those under "model_state_dict"',
    ]);
  });

  it("settings, dates, counts and numpy's results beside the weights, which are gone past", async () => {
    expect(await outputsAre(file("beside.pt"), "plain")).toEqual(['the weights are those under "model"']);
  });

  it("names behind the attribute of a module, and within wrappers of layers, where the model's are left then", async () => {
    const { weights } = await loadWeights("plain.pt", file("protocol3.pth"), net);
    const stored = weightTensors(net, weights);
    const as = (rename: (name: string) => string) =>
      loadWeights("w.safetensors", writeSafetensors(stored.map(([name, array]) => [rename(name), array])), net);
    const lightning = await as((name) => `model.${name}`);
    expect(lightning).toEqual({ weights, notes: ['"model." before every name is taken off'] });
    expect(await as((name) => `base.net.${name.replace(".", "._orig_mod.")}`)).toEqual({
      weights,
      notes: ['"_orig_mod." within names is taken off', '"base.net." before every name is taken off'],
    });
    expect((await as((name) => `model._fsdp_wrapped_module.${name}`)).weights).toEqual(weights);
    // Another net's names, and those of two nets, are nobody's.
    await expect(as((name) => `model.x${name}`)).rejects.toThrow('has no parameter "model.x0.weight"; by order');
    await expect(as((name) => (name === "0.bias" ? `b.${name}` : `a.${name}`))).rejects.toThrow("has no parameter");
    const more = ["7.weight", "8.weight"].map((name) => [name, stored[0]![1]] as const);
    await expect(loadWeights("w.safetensors", writeSafetensors([...stored, ...more]), net)).rejects.toThrow(
      'has no parameter "7.weight", nor 1 more of the file\'s',
    );
  });

  it("other names only where order and shape are asked for", async () => {
    await expect(outputsAre(file("named.pt"), "plain")).rejects.toThrow(
      'weights: the model has no parameter "fc1.weight"; by order and shape all would fit: --match-weights order',
    );
    const order = { match: "order" };
    expect(await outputsAre(file("named.pt"), "plain", net, order)).toEqual([
      "by order and shape, fc1.weight as 0.weight, fc1.bias as 0.bias, norm.weight as 2.weight, norm.bias as 2.bias, head.weight as 3.weight, head.bias as 3.bias",
    ]);
    await expect(outputsAre(file("named.pt"), "plain", views, order)).rejects.toThrow(
      'weights by order: "norm.weight" [5] comes where the model has 1.weight [5, 5]',
    );
    // list(model.parameters()): order is all there is.
    const { weights } = await loadWeights("list.pt", file("list.pt"), net, { match: "order" });
    expect([...weights.keys()]).toEqual(["0.weight", "0.bias", "2.weight", "2.bias", "3.weight", "3.bias"]);
  });

  it("of several state dicts takes the one that is named, and lists them else", async () => {
    await expect(readStateDict(file("two.pth"))).rejects.toThrow(
      'several state dicts, "generator" (6 tensors), "discriminator" (6 tensors): say which with --weights-key',
    );
    expect((await readStateDict(file("two.pth"), { key: "discriminator" })).tensors.size).toBe(6);
    await expect(readStateDict(file("two.pth"), { key: "critic" })).rejects.toThrow(
      'no tensors under "critic"; there are "gen',
    );
  });

  it("every type of element", async () => {
    const { tensors } = await readStateDict(file("types.pt"));
    const read = Object.fromEntries(
      [...tensors].map(([name, { shape, dtype, data }]) => [name, [dtype, shape, ...data]]),
    );
    expect(read).toEqual({
      i64: ["i32", [3], 1, -2, 2 ** 31 - 1],
      i32: ["i32", [1], 3],
      i16: ["i32", [1, 2], 4, -5],
      i8: ["i32", [1], -6],
      u8: ["i32", [1], 250],
      bool: ["i32", [2], 1, 0],
      scalar: ["f32", [1], 1.5],
      empty: ["f32", [0, 3]],
      batches: ["i32", [1], 0],
    });
    expect((await readStateDict(file("f64.pt"))).tensors.get("0.bias")!.data[0]).toBe(0.1);
    expect([...(await readStateDict(file("attribute.pt"))).tensors].map(([name, t]) => [name, ...t.data])).toEqual([
      ["a", 1, 1],
      ["b", 0, 0],
    ]);
  });
});

describe("the archive", () => {
  /** The files of plain.pt in an archive of another make. */
  const remade = async (change: (name: string, data: Uint8Array) => Uint8Array, more: Record<string, string> = {}) => {
    const parts = [...(await readZip(file("plain.pt")))].map(([name, data]) => ({ name, data: change(name, data) }));
    const added = Object.entries(more).map(([name, text]) => ({ name, data: new TextEncoder().encode(text) }));
    return zipFile([...parts, ...added]);
  };

  it("of torch 2, with its byte order, alignment and identity", async () => {
    const bytes = await remade((_, data) => data, {
      "plain/byteorder": "little",
      "plain/.format_version": "1",
      "plain/.storage_alignment": "64",
      "plain/.data/serialization_id": "0123",
    });
    await outputsAre(bytes, "plain");
  });

  it("of a machine with the high byte first; an order that nobody knows is refused", async () => {
    const swapped = (name: string, data: Uint8Array): Uint8Array =>
      /\/data\/\d+$/.test(name) ? data.map((_, i) => data[i - (i % 4) + 3 - (i % 4)]!) : data;
    await outputsAre(await remade(swapped, { "plain/byteorder": "big" }), "plain");
    await expect(readStateDict(await remade((_, d) => d, { "plain/byteorder": "middle" }))).rejects.toThrow("middle");
  });

  it("saved without CRCs, which are then 0 throughout, as torch 2.6 and later do where asked; it says so", async () => {
    const parts = [...(await readZip(file("plain.pt")))];
    const unsummed = (deflate: boolean, without: (name: string) => boolean) =>
      zipFile(
        parts.map(([name, data]) => {
          const crc = without(name) ? { crc: 0 } : {};
          return { name, data, deflate, ...crc, behind: { bytes: 8, signed: true } };
        }),
      );
    for (const deflate of [false, true]) {
      const notes = await outputsAre(
        unsummed(deflate, () => true),
        "plain",
      );
      expect(notes).toEqual([
        expect.stringContaining("saved without CRCs (torch.serialization.set_crc32_options(False))"),
      ]);
    }
    // One CRC that is no 0 says that they were computed, and an archive of anything else has them.
    const one = unsummed(false, (name) => name.endsWith("/data/1"));
    await expect(readStateDict(one)).rejects.toThrow('/data/1": the CRC does not match');
    await expect(readZip(unsummed(false, () => true))).rejects.toThrow("the CRC does not match");
  });

  it("whose signs are to be turned, as torch 2 keeps beside the memory, is refused", async () => {
    // {"neg": True} behind what makes a tensor.
    const turned = (value: boolean) => (name: string, data: Uint8Array) => {
      if (!name.endsWith("data.pkl")) return data;
      const text = Buffer.from(data).toString("latin1");
      const set = value ? "\x88" : "\x89";
      return Uint8Array.from(Buffer.from(text.replace(/(\)Rq.?)t/s, `$1}X\x03\0\0\0neg${set}st`), "latin1"));
    };
    await expect(readStateDict(await remade(turned(true)))).rejects.toThrow(
      'a tensor with "neg" set, whose values are not those stored: save tensor.resolve_neg()',
    );
    expect((await readStateDict(await remade(turned(false)))).tensors.size).toBeGreaterThan(0);
  });

  it("whose storage is missing or short is refused by name", async () => {
    const short = (name: string, data: Uint8Array): Uint8Array => (name.endsWith("/data/1") ? data.slice(4) : data);
    await expect(readStateDict(await remade(short))).rejects.toThrow('"0.bias": its storage has 16 bytes, not 20');
    const parts = [...(await readZip(file("plain.pt")))].filter(([name]) => !name.endsWith("/data/1"));
    const without = zipFile(parts.map(([name, data]) => ({ name, data })));
    await expect(readStateDict(without)).rejects.toThrow('pytorch: the storage "1" is missing');
    await expect(readStateDict(zipFile([{ name: "a.txt" }]))).rejects.toThrow("without data.pkl");
  });
});

it.each([
  ["whole.pt", 'belongs to a whole module, whose code is not in the file: in Python, torch.save(model.state_dict(), "'],
  ["script.pt", "this is TorchScript, which is code"],
  ["sparse.pt", '"torch._utils._rebuild_sparse_tensor" is nothing that weights are made of'],
  ["namespace.pt", '"collections.deque" is nothing that weights are made of, and no code of a file is run'],
  ["tensor.pt", "no tensors by name: a tensor alone"],
])("%s is refused, with what to do instead", async (name, message) => {
  await expect(readStateDict(file(name))).rejects.toThrow(message);
});
