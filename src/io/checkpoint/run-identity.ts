import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, shapeText } from "../../core/ndarray.ts";
import type { RowSource } from "../../train/data/row-source.ts";
import type { ResolvedOptions } from "../../train/run/options.ts";
import { isArray, type Packed } from "./packed.ts";

/** What JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/**
 * Everything that decides the steps of a run, by the names of its options: plain values as they are, arrays as type,
 * shape and a hash of their contents, rows that are read by number by a sample of them. Two runs with the same identity on the same device are the same to the bit.
 */
export type RunIdentity = Readonly<Record<string, Json>>;

/** Options that decide where values lie and for how long, and no value. */
const OF_THE_DEVICE: ReadonlySet<string> = new Set(["maxDataBytes", "maxBufferSize", "recompute"]);

/** The identity of a trainer's run (`trainer.options`). Every option takes part, whatever options there are. */
export async function runIdentity(options: ResolvedOptions): Promise<RunIdentity> {
  const identity: Record<string, Json> = {};
  for (const [name, value] of Object.entries(options)) {
    if (!OF_THE_DEVICE.has(name) && value !== undefined) identity[name] = await identityOf(value as Packed | RowSource);
  }
  return identity;
}

async function identityOf(value: Packed | RowSource): Promise<Json> {
  if (isSource(value)) return sourceIdentity(value);
  if (value === null || typeof value !== "object") return value;
  if (isArray(value)) return fingerprint(value);
  if (Array.isArray(value)) return Promise.all(value.map(identityOf));
  const entries: readonly (readonly [string, Packed | undefined])[] =
    value instanceof Map ? [...value] : Object.entries(value);
  const out: Record<string, Json> = {};
  // Code, in a layer of the user's own, has no identity: its name and its parameters stand for it.
  for (const [name, v] of entries) if (v !== undefined && typeof v !== "function") out[name] = await identityOf(v);
  return out;
}

const isSource = (value: Packed | RowSource): value is RowSource =>
  typeof value === "object" && value !== null && "read" in value && typeof value.read === "function";

/** Rows of a source that its fingerprint looks at, evenly spread: all may be more than a disk reads in an hour. */
const SAMPLED_ROWS = 256;

async function sourceIdentity(source: RowSource): Promise<Json> {
  const n = source.x.shape[0]!;
  const count = Math.min(n, SAMPLED_ROWS);
  const last = Math.max(1, count - 1);
  const { x, y, lengths } = await source.read(
    Uint32Array.from({ length: count }, (_, i) => Math.round((i * (n - 1)) / last)),
  );
  const more = lengths && { lengths: await fingerprint(lengths) };
  return { rows: n, x: await fingerprint(x), y: await fingerprint(y), ...more };
}

/** A short name for a run, fit for a file. */
export async function identityKey(run: RunIdentity): Promise<string> {
  return hash(new TextEncoder().encode(JSON.stringify(run)));
}

/** Hexadecimal digits of a hash that are kept: 128 bits, beyond any accident. */
const DIGITS = 32;

/** "f32 [1437, 64] sha256:9f86d081..." */
async function fingerprint({ dtype, shape, data }: NdArray): Promise<string> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  // Shared memory cannot be hashed in place.
  const owned = data.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice();
  return `${dtype} ${shapeText(shape)} sha256:${await hash(owned)}`;
}

async function hash(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const subtle = globalThis.crypto?.subtle;
  if (!subtle) {
    throw new ChainruleError("usage", "fingerprints need crypto.subtle: serve the page over https or from localhost");
  }
  const digest = new Uint8Array(await subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .slice(0, DIGITS);
}

/** How two identities differ, one line for each option, part by part ("model.layers.0.out"); empty when they do not. */
export function identityDifferences(saved: RunIdentity, here: RunIdentity): readonly string[] {
  const [a, b] = [leaves(saved), leaves(here)];
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((name) => {
    const [was, is] = [a.get(name), b.get(name)];
    // An option that a version did not have yet is one that is off.
    if (was === is || (isOff(was) && isOff(is))) return [];
    const contents = [was, is].every((v) => v?.includes(" sha256:"));
    if (contents && was!.split(" sha256:")[0] === is!.split(" sha256:")[0]) return [`${name} has other contents`];
    return [`${name} is ${shown(was)} in the checkpoint, ${shown(is)} here`];
  });
}

/** Throws ChainruleError "file", saying what differs, where a checkpoint is of another run. */
export function requireSameRun(saved: RunIdentity, here: RunIdentity): void {
  const differences = identityDifferences(saved, here);
  if (differences.length === 0) return;
  const first = differences.slice(0, 4).join("; ");
  const more = differences.length > 4 ? `; and ${differences.length - 4} more` : "";
  throw new ChainruleError("file", `the checkpoint is of another run: ${first}${more}`);
}

const isOff = (leaf: string | undefined): boolean => leaf === undefined || leaf === "null" || leaf === "false";

const shown = (leaf: string | undefined): string => {
  if (leaf === undefined) return "absent";
  return leaf.length > 80 ? `${leaf.slice(0, 80)}...` : leaf;
};

/** Every plain value by the way to it, as JSON; text as it is. */
function leaves(value: Json, way = "", out = new Map<string, string>()): Map<string, string> {
  if (value === null || typeof value !== "object") out.set(way, typeof value === "string" ? value : String(value));
  else for (const [name, v] of Object.entries(value)) leaves(v, way === "" ? name : `${way}.${name}`, out);
  return out;
}
