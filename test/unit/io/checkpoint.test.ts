import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { referenceBackend } from "../../../src/backend/reference/executor.ts";
import { ndarray } from "../../../src/core/ndarray.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../../src/io/checkpoint/checkpoint.ts";
import { identityDifferences, requireSameRun, runIdentity } from "../../../src/io/checkpoint/run-identity.ts";
import { readSafetensors, writeSafetensors } from "../../../src/io/safetensors/safetensors.ts";
import { type RowSource, sourceOf } from "../../../src/train/data/row-source.ts";
import { type ResolvedOptions, resolveOptions } from "../../../src/train/run/options.ts";
import { sampleCheckpoint, signed } from "../../shared/checkpoint.ts";
import { ring, smallNet } from "../../shared/problems.ts";
import { safetensorsFile } from "./safetensors-file.ts";

const valid = encodeCheckpoint(sampleCheckpoint());
const text = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);

describe("a checkpoint", () => {
  test("comes back as it went, bit for bit, whatever arrays a state has", () => {
    const sample = sampleCheckpoint();
    const extra = {
      curve: ndarray([2, 2], "f64", [1, Number.NaN, 3, 4]),
      names: ["a", { b: null }],
      average: new Map([["m", 0.1]]),
    };
    const state = { ...sample.state, average: new Map([["0.weight", ndarray([1], "f32", [7])]]), samplesSeen: 384 };
    const back = decodeCheckpoint(encodeCheckpoint({ ...sample, state, extra }));
    expect(back).toEqual({ ...sample, state, extra, chainrule: back.chainrule });
    expect(back.chainrule).toMatch(/^\d+\.\d+\.\d+/);
    const bits = (a: { data: ArrayLike<number> }): number[] => [...new Uint32Array(Float32Array.from(a.data).buffer)];
    for (const [name, w] of state.parameters) expect(bits(back.state.parameters.get(name)!)).toEqual(bits(w));
  });

  test("is a safetensors file whose last array is its checksum", () => {
    const { tensors, metadata } = readSafetensors(valid);
    expect([...tensors.keys()].at(-1)).toBe("checksum");
    expect(tensors.get("state/moments/1/0.bias")!.shape).toEqual([3]);
    expect(JSON.parse(metadata.run!)).toEqual(sampleCheckpoint().run);
  });

  test("is refused wherever one of its bits is flipped, and wherever it is cut", () => {
    fc.assert(
      fc.property(fc.nat(valid.length - 1), fc.nat(7), (at, bit) => {
        expect(() => decodeCheckpoint(valid.with(at, valid[at]! ^ (1 << bit)))).toThrow(/damaged|not a checkpoint/);
      }),
    );
    for (let length = 0; length < valid.length; length += 7) {
      expect(() => decodeCheckpoint(valid.subarray(0, length)), `${length}`).toThrow(/damaged|not a checkpoint/);
    }
  });

  test.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(0), /not a checkpoint of Chainrule's/],
    ["weights", writeSafetensors([["0.weight", ndarray([1], "f32", [1])]]), /not a checkpoint of Chainrule's/],
    ["signed weights", signed(writeSafetensors([["0.weight", ndarray([1], "f32", [1])]])), /not a checkpoint/],
    [
      "a newer format",
      changed('"format_version":"1"', '"format_version":"9"'),
      /format 9, written by Chainrule .* reads format 1/,
    ],
    ["no generation", changed('"generation":"3"', '"generatiox":"3"'), /lacks generation/],
    ["a generation that is no number", changed('"generation":"3"', '"generation":"x"'), /outline is not JSON/],
    ["a cursor elsewhere", changed('{\\"step\\":12,', '{\\"step\\":13,'), /cursor is not at step 13/],
    ["a kind of device", changed('\\"kind\\":\\"cpu\\"', '\\"kind\\":\\"tpu\\"'), /its device makes no sense/],
    [
      "an array that is missing",
      changed('{\\"$array\\":\\"state/control\\"}', '{\\"$array\\":\\"state/contrXl\\"}'),
      /names an array that is not in the file/,
    ],
  ])("refuses %s, and says why", (_name, bytes, message) => {
    expect(() => decodeCheckpoint(bytes)).toThrow(message);
  });

  test("with an outline nested without end is refused", () => {
    const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
    const metadata = { format: "chainrule checkpoint", format_version: "1", generation: deep };
    const entry = { dtype: "U32", shape: [1], data_offsets: [0, 4] };
    const file = safetensorsFile(JSON.stringify({ __metadata__: metadata, checksum: entry }), [0, 0, 0, 0]);
    expect(() => decodeCheckpoint(signed(file))).toThrow(/nested more than 16 deep/);
  });
});

/** The sample with a text in its header replaced by one of the same length, and a fitting checksum. */
function changed(from: string, to: string): Uint8Array {
  const at = text(valid).indexOf(from);
  if (at < 0 || from.length !== to.length) throw new Error(`no ${from} of that length in the sample`);
  const bytes = valid.slice();
  bytes.set(new TextEncoder().encode(to), at);
  return signed(bytes);
}

describe("the identity of a run", () => {
  const given = { model: smallNet, data: ring(40), batch: 8, optimizer: { type: "adam", lr: 0.01 } } as const;
  const resolve = (change: object = {}): Promise<ResolvedOptions> =>
    resolveOptions({ ...given, ...change }, referenceBackend("f32"));

  test("is the same for the same options on another device", async () => {
    const here = await runIdentity(await resolve());
    const there = await runIdentity({ ...(await resolve()), maxDataBytes: 1000, maxBufferSize: 1e6 });
    expect(identityDifferences(here, there)).toEqual([]);
    expect(here.data).toMatchObject({ x: expect.stringMatching(/^f32 \[40, 2\] sha256:[0-9a-f]{32}$/) });
  });

  test("says which option differs, data by its contents", async () => {
    const x = given.data.x.data.slice();
    x[33] = x[33]! + 1e-6;
    const other = await resolve({
      seed: 2,
      optimizer: { type: "adam", lr: 0.02 },
      data: { ...given.data, x: { ...given.data.x, data: x } },
    });
    const found = identityDifferences(await runIdentity(await resolve()), await runIdentity(other));
    expect(found).toContain("data.x has other contents");
    expect(found).toContain("optimizer.lr is 0.01 in the checkpoint, 0.02 here");
    expect(found).toContain("seed is 1 in the checkpoint, 2 here");
  });

  test("knows rows that are read by number by a sample of them, first and last among it", async () => {
    const source = sourceOf(ring(1000));
    const identity = await runIdentity(await resolve({ data: source }));
    expect(identity.data).toMatchObject({ rows: 1000, x: expect.stringMatching(/^f32 \[256, 2\] sha256:/) });
    const last = sourceOf(ring(1000));
    const changed: RowSource = {
      ...last,
      async read(index) {
        const rows = await last.read(index);
        index.forEach((row, i) => {
          if (row === 999) rows.x.data[2 * i] = 7;
        });
        return rows;
      },
    };
    const other = await runIdentity(await resolve({ data: changed }));
    expect(identityDifferences(identity, other)).toEqual(["data.x has other contents"]);
    const fewer = await runIdentity(await resolve({ data: sourceOf(ring(999)) }));
    expect(identityDifferences(identity, fewer)).toContain("data.rows is 1000 in the checkpoint, 999 here");
  });

  test("takes options in that are not known yet; one that is off is as if it were not there", async () => {
    const plain = await runIdentity(await resolve());
    const averaged = await runIdentity({ ...(await resolve()), average: { decay: 0.99 } } as ResolvedOptions);
    expect(() => requireSameRun(plain, averaged)).toThrow("average.decay is absent in the checkpoint, 0.99 here");
    expect(() => requireSameRun(plain, { ...plain, average: null })).not.toThrow();
  });
});
