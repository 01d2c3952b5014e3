import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { readHdf5 } from "../../../src/io/hdf5/file.ts";

const valid = new Uint8Array(readFileSync(new URL("../../fixtures/keras/sequential-3.weights.h5", import.meta.url)));
const LEVELS = 6;
const ENTRIES = 32;
const NODE = 24 + 16 * ENTRIES + 8;

/** The root group's tree replaced by one whose every node names the one below 32 times: 32^6 leaves in 3 KB. */
function fanned(): Uint8Array {
  const tree = Buffer.from(valid).indexOf("TREE");
  const out = new Uint8Array(valid.length + LEVELS * NODE);
  out.set(valid);
  const view = new DataView(out.buffer);
  const leaf = view.getBigUint64(tree + 32, true);
  const node = (level: number): number => valid.length + level * NODE;
  for (let level = 0; level < LEVELS; level++) {
    out.set([0x54, 0x52, 0x45, 0x45, 0, level], node(level));
    view.setUint16(node(level) + 6, ENTRIES, true);
    const child = level === 0 ? leaf : BigInt(node(level - 1));
    for (let i = 0; i < ENTRIES; i++) view.setBigUint64(node(level) + 32 + 16 * i, child, true);
  }
  for (let at = 0; at + 8 <= valid.length; at++) {
    if (view.getBigUint64(at, true) === BigInt(tree)) view.setBigUint64(at, BigInt(node(LEVELS - 1)), true);
  }
  return out;
}

const changed = (change: (view: DataView) => void): Uint8Array => {
  const out = valid.slice();
  change(new DataView(out.buffer));
  return out;
};

it.each<[string, Uint8Array, string]>([
  ["trees that name one node many times", fanned(), ""],
  ["a file cut short", valid.subarray(0, valid.length - 8), "cut short"],
  ["a block of the user's", changed((view) => view.setUint32(24, 512, true)), "a block of the user's"],
  ["a format to come", changed((view) => view.setUint8(8, 9)), "format 9; read are 0 to 3"],
  ["addresses of four bytes", changed((view) => view.setUint8(13, 4)), "addresses of 4 bytes"],
  ["no object at its root", changed((view) => view.setUint32(64, 8, true)), "no object begins at byte 8"],
])("refused in time: %s", (_, bytes, message) => {
  const start = performance.now();
  expect(() => readHdf5(bytes)).toThrow(message === "" ? /twice|many times/ : message);
  expect(performance.now() - start).toBeLessThan(5000);
});
