import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readStateDict } from "../../../src/io/pytorch/state-dict/read.ts";
import { readTensors } from "../../../src/io/weights/tensor-file.ts";
import { readZip, zipLimit } from "../../../src/io/zip/zip.ts";
import { fuzz, MANY, mutations, randomBytes, TIMEOUT } from "./fuzz.ts";
import { archive, dict, int, name, pickle, storage, tensor, text, tuple } from "./pickle-file.ts";

/** Files of torch.save: the archive and its CRCs are right, so that what is hostile reaches the pickle. */

const file = (of: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../../fixtures/state-dict/${of}`, import.meta.url)));

const files = await readZip(file("plain.pt"));
const content = files.get("plain/data.pkl")!;
const checkpoint = (await readZip(file("checkpoint.pth"))).get("checkpoint/data.pkl")!;
const storages = Object.fromEntries([0, 1, 2, 3, 4, 5].map((key) => [key, files.get(`plain/data/${key}`)!]));
const memory = { 0: new Uint8Array(64) };

/** Each does something to what was put before. */
const INSTRUCTIONS: readonly (readonly number[])[] = [
  ...[tuple(), dict()],
  ...[0x5d, 0x4e, 0x88, 0x28, 0x52, 0x81, 0x62, 0x51, 0x93, 0x61].map((code) => [code]),
  ...[0x65, 0x73, 0x75, 0x74, 0x85, 0x87, 0x64, 0x6c, 0x30, 0x32, 0x94].map((code) => [code]),
  ...[0x68, 0x71].map((code) => [code, 0]),
];

/** Pickles of the right instructions with wrong things in them, and in wrong places. */
const pieces = (): fc.Arbitrary<number[]> => {
  const number = fc.oneof(fc.nat(6), fc.constantFrom(-1, 16, 2 ** 31 - 1));
  const sizes = fc.array(number, { maxLength: 4 });
  const of = fc
    .record({ key: fc.constantFrom("0", "1", "../0"), length: number })
    .map(({ key, length }) => storage(key, length));
  const by = fc.constantFrom(
    "_rebuild_tensor_v2",
    "_rebuild_tensor_v3",
    "_rebuild_parameter",
    "_rebuild_from_type_v2",
    "_rebuild_tensor",
  );
  return fc.oneof(
    fc.tuple(of, number, sizes, sizes, by).map((args) => tensor(...args)),
    fc.tuple(number, sizes).map(([offset, s]) =>
      tensor(
        storage("0", 16),
        offset,
        s,
        s.map(() => 1),
      ),
    ),
    of,
    number.map(int),
    fc.string({ maxLength: 5 }).map(text),
    fc
      .constantFrom("collections", "torch", "torch._utils", "os")
      .chain((m) => fc.constantFrom("OrderedDict", "Size", "system", "_rebuild_parameter").map((n) => name(m, n))),
    fc.constantFrom(...INSTRUCTIONS).map((code) => [...code]),
    fc.uint8Array({ maxLength: 4 }).map((bytes) => [...bytes]),
  );
};
const made = fc.array(pieces(), { maxLength: 12 }).map((list) => archive(pickle(dict(text("w"), ...list)), memory));

/** Reading inflates no more than a zip archive of the size may hold; tensors then take sixteen times the file. */
const limit = (bytes: Uint8Array): number => zipLimit(bytes.length) + 16 * bytes.length;

test(
  `files of torch.save: ${MANY} inputs`,
  () =>
    fuzz({
      inputs: fc.oneof(
        { weight: 1, arbitrary: randomBytes() },
        { weight: 2, arbitrary: mutations(file("plain.pt")) },
        { weight: 3, arbitrary: mutations(file("legacy.pt")) },
        { weight: 4, arbitrary: mutations(content).map((pkl) => archive(pkl, storages)) },
        { weight: 1, arbitrary: mutations(checkpoint).map((pkl) => archive(pkl, storages)) },
        { weight: 4, arbitrary: made },
      ),
      read: (bytes) => readTensors("f.pt", bytes),
      bytesOf: limit,
      factor: 1,
    }),
  TIMEOUT,
);

test("the inputs are worth drawing: some can be read, and many come as far as tensors", async () => {
  const inputs = fc.sample(
    fc.oneof(
      made,
      mutations(content).map((pkl) => archive(pkl, storages)),
      mutations(file("legacy.pt")),
    ),
    { numRuns: 2000, seed: 3 },
  );
  const reasons = await Promise.all(
    inputs.map((bytes) =>
      readStateDict(bytes).then(
        () => "read",
        (error: Error) => error.message.replace(/"[^"]*"|\d+/g, "#"),
      ),
    ),
  );
  const of = (pattern: RegExp): number => reasons.filter((reason) => pattern.test(reason)).length;
  expect(of(/^read$/)).toBeGreaterThan(100);
  expect(of(/_rebuild|storage/)).toBeGreaterThan(100);
  expect(of(/is nothing that weights are made of/)).toBeGreaterThan(50);
  expect(new Set(reasons).size).toBeGreaterThan(40);
});
