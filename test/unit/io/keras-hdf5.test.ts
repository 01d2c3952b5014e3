import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { importNet, type NetFile } from "../../../src/io/net/import.ts";
import { difference, outputsOf } from "../../shared/outputs.ts";

const file = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/keras/${name}`, import.meta.url)));
const expected = JSON.parse(new TextDecoder().decode(file("expected-hdf5.json")));
const structure = { name: "m.json", bytes: file("sequential-3.json") };

describe("Keras's own files", () => {
  it.each<[string, string, NetFile]>([
    ["a .keras file", "sequential", { name: "m.keras", bytes: file("sequential.keras") }],
    ["a .keras file of Keras 2.13", "sequential", { name: "m.keras", bytes: file("keras-2.13.keras") }],
    ["a structure and its weights", "sequential", { ...structure, weights: file("sequential-3.weights.h5") }],
    ["and with new headers", "sequential", { ...structure, weights: file("sequential-3-latest.weights.h5") }],
    ["an .h5 file of before", "functional", { name: "m.h5", bytes: file("functional.h5") }],
  ])("compute what the model computes: %s", async (_, name, net) => {
    const { x, y } = expected[name];
    const { model, weights } = await importNet(net, { loss: "mse" });
    expect(difference(await outputsOf(model, weights, x), y.flat())).toBeLessThan(1e-6);
  });

  it("tell their loss, what is left out, and what has become part of other layers", async () => {
    const { model, notes } = await importNet({ name: "m.keras", bytes: file("sequential.keras") });
    expect(model.loss).toBe("crossEntropy");
    expect(model.layers.map(({ type }) => type).join(" ")).toBe("linear relu dropout linear tanh linear linear");
    const said = notes.join("\n");
    expect(said).toContain('layer "batch_normalization" (BatchNormalization) is taken as it predicts');
    expect(said).toContain('arrays that belong to no layer are left out: "layers/dropout/seed_generator/vars/0"');
    const old = await importNet({ name: "m.h5", bytes: file("functional.h5") });
    expect(old.model.loss).toBe("bce");
    expect(old.model.layers.at(-1)!.type).toBe("linear");
  });
});
