import { ELEMENTS } from "../../elements.ts";
import type { Saved } from "./file.ts";
import { findName, STORAGES } from "./names.ts";
import { readPickle } from "./pickle.ts";
import { brief, refuse } from "./refuse.ts";
import { type Storage, storageOf } from "./tensor.ts";

const MAGIC = 0x1950a86a20f9469cfc6cn;
const VERSION = 1001;

const nothing = {
  find: findName,
  load: (): never => refuse("something lies outside the pickle before any tensor does"),
};

/**
 * The form before torch 1.6: pickles one after the other (a magic number, a version, what the machine was like, the value,
 * the storages' keys), then each storage: its length in eight bytes, and its elements.
 */
export function readLegacy(bytes: Uint8Array): Saved {
  const magic = readPickle(bytes, nothing);
  if (magic.value !== MAGIC)
    refuse('a pickle that torch.save did not write: in Python, torch.save(model.state_dict(), "weights.pt")');
  const version = readPickle(bytes, nothing, magic.end);
  if (version.value !== VERSION)
    refuse(`version ${String(version.value).slice(0, 40)} of the old form; known is ${VERSION}`);
  const machine = readPickle(bytes, nothing, version.end);
  const little = machine.value instanceof Map && machine.value.get("little_endian") === true;
  const storages = new Map<string, Storage>();
  const load = (key: unknown): Storage => {
    const storage = storageOf(key, STORAGES);
    const before = storages.get(storage.key);
    if (before && (before.type !== storage.type || before.length !== storage.length)) {
      refuse(`the storage ${brief(storage.key)} is said to be of two types or lengths`);
    }
    storages.set(storage.key, before ?? storage);
    return before ?? storage;
  };
  const value = readPickle(bytes, { find: findName, load }, machine.end);
  const keys = readPickle(bytes, nothing, value.end);
  if (!Array.isArray(keys.value)) return refuse("the list of storages is missing");
  const found = new Map<string, Uint8Array>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = keys.end;
  for (const key of keys.value) {
    const storage = storages.get(String(key)) ?? refuse(`the storage ${brief(String(key))} belongs to no tensor`);
    if (at + 8 > bytes.length) refuse(`cut short: the storage ${brief(storage.key)} is missing`);
    const length = Number(view.getBigInt64(at, little));
    const size = length * (storage.type === null ? 1 : ELEMENTS.get(storage.type)!.bytes);
    if (length !== storage.length)
      refuse(`the storage ${brief(storage.key)} has ${length} elements, not ${storage.length}`);
    if (at + 8 + size > bytes.length) refuse(`cut short: the storage ${brief(storage.key)} needs ${size} bytes`);
    found.set(storage.key, bytes.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  return {
    value: value.value,
    little,
    notes: [],
    bytesOf: ({ key }) => found.get(key) ?? refuse(`the storage ${brief(key)} is missing`),
  };
}
