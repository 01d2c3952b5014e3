import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { run as exportOnnx } from "../../../src/cli/export-onnx.ts";
import { run as importNet } from "../../../src/cli/import.ts";
import { writeSafetensors } from "../../../src/io/safetensors/safetensors.ts";
import { weightTensors } from "../../../src/io/weights/weights.ts";
import { initialise } from "../../../src/nn/initialise.ts";
import { everyLayer } from "../../shared/every-layer.ts";

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
let folder: string;
const at = (name: string): string => join(folder, name);
const json = (name: string) => JSON.parse(readFileSync(at(name), "utf8"));
const to = () => ["--out", at("model.json"), "--weights-out", at("w.safetensors")];
/** What was printed on stdout. */
const printed: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "chainrule-import-"));
  printed.length = 0;
  vi.spyOn(process.stdout, "write").mockImplementation((text) => printed.push(String(text)) > 0);
  vi.spyOn(process.stderr, "write").mockImplementation(() => true);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

describe("export --to onnx and import", () => {
  it("give the same model and weights back, to the byte", async () => {
    const weights = writeSafetensors(weightTensors(everyLayer, initialise(everyLayer, 4)));
    writeFileSync(at("m.json"), JSON.stringify(everyLayer));
    writeFileSync(at("m.safetensors"), weights);
    expect(await exportOnnx(at("m.onnx"), [at("m.json"), "--weights", at("m.safetensors")])).toBe(0);
    expect(await importNet([at("m.onnx"), ...to()])).toBe(0);
    expect(json("model.json")).toEqual(everyLayer);
    expect(new Uint8Array(readFileSync(at("w.safetensors")))).toEqual(weights);
  });

  it("take the model of TensorFlow.js with the files beside it, and Keras's with its arrays", async () => {
    expect(await importNet([fixture("keras/tfjs.json"), ...to(), "--loss", "mse", "--json"])).toBe(0);
    expect(JSON.parse(printed.at(-1)!)).toMatchObject({ inputs: 4, outputs: 3, parameters: 141, loss: "mse" });
    const arrays = ["--weights", fixture("keras/functional.npz")];
    expect(await importNet([fixture("keras/functional.json"), ...arrays, ...to(), "--loss", "bce", "--json"])).toBe(0);
    // Its sigmoid is the loss's.
    expect(JSON.parse(printed.at(-1)!).layers.at(-1)).toBe("linear");
    const keep = [...arrays, ...to(), "--loss", "bce", "--keep-outputs", "--json"];
    expect(await importNet([fixture("keras/functional.json"), ...keep])).toBe(0);
    expect(JSON.parse(printed.at(-1)!).layers.at(-1)).toBe("sigmoid");
  });

  it("take an ONNX file with the files of arrays that it names, which lie beside it", async () => {
    const [one, each] = ["onnx/runtime/external", "onnx/runtime/each/external"].map((name) => fixture(`${name}.onnx`));
    await importNet([one!, ...to()]);
    const weights = readFileSync(at("w.safetensors"));
    await importNet([each!, ...to()]);
    expect(readFileSync(at("w.safetensors"))).toEqual(weights);

    copyFileSync(one!, at("m.onnx"));
    const data = at("external.onnx.data");
    const refused = (message: string) => expect(importNet([at("m.onnx"), ...to()])).rejects.toThrow(message);
    await refused("cannot read");
    writeFileSync(data, readFileSync(`${one}.data`).subarray(0, 100));
    await refused("has 100 bytes: the two files do not belong together, or one is cut short");
    rmSync(data);
    mkdirSync(data);
    await refused("is no file");
    rmSync(data, { recursive: true });
    // A link within the folder is as good as the file; one that leads out of it is not.
    copyFileSync(`${one}.data`, at("elsewhere"));
    symlinkSync(at("elsewhere"), data);
    await importNet([at("m.onnx"), ...to()]);
    rmSync(data);
    symlinkSync(`${one}.data`, data);
    await refused("is a link to a file outside its folder");
  });

  it("leave the files that were there where anything is wrong", async () => {
    await importNet([fixture("onnx/torch-13.onnx"), ...to()]);
    const before = [json("model.json"), readFileSync(at("w.safetensors"))];
    const whole = readFileSync(fixture("onnx/torch-17.onnx"));
    writeFileSync(at("cut.onnx"), whole.subarray(0, 900));
    writeFileSync(at("noise.onnx"), new Uint8Array(100).fill(0xee));
    for (const [file, message] of [
      [at("cut.onnx"), "cut short"],
      [at("noise.onnx"), "neither an ONNX file nor"],
      [at("none.onnx"), "there is no such file"],
      [fixture("keras/sequential.json"), "its weights are needed too"],
    ] as const) {
      await expect(importNet([file, ...to()])).rejects.toThrow(message);
    }
    expect([json("model.json"), readFileSync(at("w.safetensors"))]).toEqual(before);
    expect(readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  it("say of a file of weights alone whose it is, and what to do with it", async () => {
    const pytorch = (name: string) => `${name} is a file of weights (PyTorch): it holds weights and no structure`;
    const copy = (from: string, name: string): string => {
      copyFileSync(fixture(from), at(name));
      return at(name);
    };
    writeFileSync(at("w.safetensors"), writeSafetensors(weightTensors(everyLayer, initialise(everyLayer, 4))));
    // Lengths of JSON whose first byte begins an ONNX file or JSON.
    const safetensors = (length: number): Uint8Array => {
      const text = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.padEnd(length);
      const head = new Uint8Array(8);
      new DataView(head.buffer).setUint32(0, length, true);
      return new Uint8Array([...head, ...new TextEncoder().encode(text), 0, 0, 0, 0]);
    };
    writeFileSync(at("8.bin"), safetensors(0x108));
    writeFileSync(at("bracket.bin"), safetensors(0x7b));
    writeFileSync(at("pickle.bin"), safetensors(0x280));
    for (const [file, message] of [
      [copy("state-dict/plain.pt", "x.pth"), pytorch(at("x.pth"))],
      [
        copy("state-dict/checkpoint.pth", "x.ckpt"),
        "and give both to train, predict, check or export: model.json --weights",
      ],
      [copy("state-dict/protocol5.pth", "x.keras"), 'torch.onnx.export(model, example, "model.onnx"), and import that'],
      [copy("state-dict/legacy.pt", "old.pt"), pytorch(at("old.pt"))],
      [copy("state-dict/whole.pt", "whole.pt"), pytorch(at("whole.pt"))],
      [copy("state-dict/script.pt", "script.pt"), "is a file of TorchScript, which is code"],
      [at("w.safetensors"), "is a file of weights (safetensors): it holds weights and no structure"],
      [at("8.bin"), "is a file of weights (safetensors)"],
      [at("bracket.bin"), "is a file of weights (safetensors)"],
      [at("pickle.bin"), "is a file of weights (safetensors)"],
      [fixture("keras/functional.npz"), "is a file of weights (numpy)"],
    ] as const) {
      await expect(importNet([file, "--out", at("m.json"), "--weights-out", at("m.npz")])).rejects.toThrow(message);
    }
  });

  it("refuse what makes no sense before any work", async () => {
    const file = fixture("onnx/torch-13.onnx");
    await expect(importNet([file, "--out", at("m.json")])).rejects.toThrow("--weights-out <file> is missing");
    await expect(importNet([file, "--out", at("m"), "--weights-out", at("m")])).rejects.toThrow("name the same file");
    await expect(importNet([file, ...to(), "--loss", "l2"])).rejects.toThrow("--loss must be one of");
    await expect(importNet([file, "--out", at("no/m.json"), "--weights-out", at("w")])).rejects.toThrow(
      "does not exist",
    );
    await expect(exportOnnx(at("no/m.onnx"), ["xor"])).rejects.toThrow("its folder does not exist");
  });
});
