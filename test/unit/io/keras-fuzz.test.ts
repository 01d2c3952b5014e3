import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, it } from "vitest";
import { importNet } from "../../../src/io/net/import.ts";
import { readNpz } from "../../../src/io/numpy/npz.ts";
import { heldTo, MANY, mutations, TIMEOUT } from "./fuzz.ts";

const file = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/keras/${name}`, import.meta.url)));
const bytesOf = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json));

/** Every path through the objects and lists of a JSON value, as far as `most`. */
function pathsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

/** The value with what lies at a path taken away or put in another's place. */
function changed(value: unknown, path: readonly string[], by: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return by;
  if (Array.isArray(value)) {
    const list = value.map((inner, i) => (String(i) === key ? changed(inner, rest, by) : inner));
    return by === undefined && rest.length === 0 ? list.filter((_, i) => String(i) !== key) : list;
  }
  const inner = value as Readonly<Record<string, unknown>>;
  return { ...inner, [key]: changed(inner[key], rest, by) };
}

/** A sound model with some of its values replaced: still JSON, and mostly a model. */
function alterations(json: unknown): fc.Arbitrary<Uint8Array> {
  const paths = pathsOf(json);
  const words = [
    ...["Conv2D", "MaxPooling2D", "Add", "Concatenate", "Flatten", "same", "channels_first", "hard_sigmoid"],
    "Dense",
    "Softmax",
    "LayerNormalization",
    "Sequential",
    "relu",
    "uint8",
    "float16",
    "dense_Dense1",
    "w.bin",
  ];
  const value = fc.oneof(
    fc.constantFrom<unknown>(
      undefined,
      null,
      true,
      false,
      0,
      1,
      -1,
      0.5,
      2 ** 31,
      2 ** 53,
      1e300,
      "",
      ...words,
      [],
      {},
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );
  return fc
    .array(fc.tuple(fc.nat(paths.length - 1), value), { minLength: 1, maxLength: 3 })
    .map((edits) =>
      bytesOf(edits.reduce<unknown>((all, [at, by]) => safely(() => changed(all, paths[at]!, by), all), json)),
    );
}

/** A second change may miss the place that the first took away. */
function safely<T>(change: () => T, otherwise: T): T {
  try {
    return change();
  } catch {
    return otherwise;
  }
}

const parsed = (name: string): unknown => JSON.parse(new TextDecoder().decode(file(name)));

describe("whatever the bytes are, the readers of Keras and TensorFlow.js", () => {
  it("end in time, within memory, and throw nothing but ChainruleError", { timeout: TIMEOUT }, async () => {
    const shards = new Map(["tfjs-1of2.bin", "tfjs-2of2.bin"].map((name) => [name, file(name)]));
    const read = async (path: string): Promise<Uint8Array> => shards.get(path) ?? new Uint8Array(40);
    const tfjs = fc.oneof(mutations(file("tfjs.json")), { weight: 3, arbitrary: alterations(parsed("tfjs.json")) });
    await fc.assert(
      // Weights of one byte become numbers of four.
      fc.asyncProperty(tfjs, (bytes) => heldTo(4 * (bytes.length + 600), () => importNet({ name: "m", bytes, read }))),
      { numRuns: MANY / 2 },
    );
    const nets = JSON.parse(new TextDecoder().decode(file("nets/tfjs.json"))) as Record<
      string,
      { model: unknown; weights: string }
    >;
    const any = fc.oneof(
      ...["wired", "mobile", "shapes", "nested", "first", "rescaled"].map((name) => {
        const beside = new Uint8Array(Buffer.from(nets[name]!.weights, "base64"));
        return alterations(nets[name]!.model).map((bytes) => ({ bytes, beside }));
      }),
    );
    await fc.assert(
      fc.asyncProperty(any, ({ bytes, beside }) =>
        heldTo(4 * (bytes.length + beside.length), () => importNet({ name: "m", bytes, read: async () => beside })),
      ),
      { numRuns: MANY / 4 },
    );
    const arrays = await readNpz(file("functional.npz"));
    const keras = fc.oneof(mutations(file("functional.json")), {
      weight: 3,
      arbitrary: alterations(parsed("functional.json")),
    });
    await fc.assert(
      fc.asyncProperty(keras, (bytes) => heldTo(2 * bytes.length, () => importNet({ name: "m", bytes, arrays }))),
      { numRuns: MANY / 2 },
    );
  });
});
