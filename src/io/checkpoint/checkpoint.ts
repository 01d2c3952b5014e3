import { version } from "../../../package.json";
import type { Backend } from "../../backend/executor.ts";
import { requireBytes } from "../../core/arguments.ts";
import { ChainruleError } from "../../core/errors.ts";
import { type NdArray, ndarray } from "../../core/ndarray.ts";
import type { TrainerState } from "../../train/run/state.ts";
import { readSafetensors, writeSafetensors } from "../safetensors/safetensors.ts";
import { crc32 } from "../zip/crc32.ts";
import { isArray, type Packed, pack, unpack } from "./packed.ts";
import type { RunIdentity } from "./run-identity.ts";

/** What steps were computed on. The same device with the same kernels computes the same bits. */
export interface DeviceRecord {
  /** WebGPU or the CPU. */
  readonly kind: Backend["kind"];
  /** The adapter, or the kind of CPU path. */
  readonly description: string;
  /** Kernels that measuring chose, by problem; empty where nothing is measured. */
  readonly kernels: Readonly<Record<string, string>>;
}

/** A run as a checkpoint holds it. */
export interface Checkpoint {
  /** Counts up with every checkpoint of a run: of two the one with the higher number is the newer. */
  readonly generation: number;
  /** Everything that the next step depends on. */
  readonly state: TrainerState;
  /** Everything that decides the run, to compare with. */
  readonly run: RunIdentity;
  /** What the steps were computed on. */
  readonly device: DeviceRecord;
  /** What a caller keeps beside the state, such as the curve so far. */
  readonly extra: Packed;
  /** Chainrule's version that wrote it. */
  readonly chainrule: string;
}

const FORMAT = "chainrule checkpoint";
/** Counts up when a reader of the version before could not read what is written. */
const FORMAT_VERSION = 1;
/** The last tensor, and so the last four bytes of the file: CRC-32 of all bytes before it. */
const CHECKSUM = "checksum";
const CHECKSUM_BYTES = 4;
/** What Node reads in one piece. */
export const MAX_CHECKPOINT_BYTES = 2 ** 31 - 1;

/** What a trainer's backend is, as a checkpoint records it. */
export function deviceRecord({ kind, description, choices }: Backend): DeviceRecord {
  return { kind, description, kernels: choices?.names() ?? {} };
}

/**
 * A checkpoint as bytes: a safetensors file whose arrays are the state's and whose metadata says of which run it is.
 * Its last tensor is a checksum over everything before it.
 */
export function encodeCheckpoint(checkpoint: Omit<Checkpoint, "chainrule">): Uint8Array {
  const { generation, state, run, device, extra } = checkpoint;
  const tensors = new Map<string, NdArray>();
  const metadata = {
    format: FORMAT,
    format_version: String(FORMAT_VERSION),
    chainrule: version,
    generation: String(generation),
    device: JSON.stringify(device),
    run: JSON.stringify(run),
    state: pack(state as unknown as Packed, "state", tensors),
    extra: pack(extra, "extra", tensors),
  };
  const out = writeSafetensors([...tensors, [CHECKSUM, ndarray([1], "u32", [0])]], metadata);
  if (out.length > MAX_CHECKPOINT_BYTES) {
    throw new ChainruleError(
      "limit",
      `a checkpoint of ${out.length} bytes; at most ${MAX_CHECKPOINT_BYTES} can be kept`,
    );
  }
  const end = out.length - CHECKSUM_BYTES;
  new DataView(out.buffer, out.byteOffset).setUint32(end, crc32(out.subarray(0, end)), true);
  return out;
}

/** Reads a checkpoint. Throws ChainruleError "file" that says whether the file is damaged, foreign or of a newer format. */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  requireBytes("checkpoint", bytes);
  const end = bytes.length - CHECKSUM_BYTES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const sound = end > 0 && crc32(bytes.subarray(0, end)) === view.getUint32(end, true);
  if (!sound && !looksLikeOne(bytes)) refuse("the file is not a checkpoint of Chainrule's");
  if (!sound) refuse(`cut short or damaged: the checksum over its ${bytes.length} bytes does not match`);
  const { tensors, metadata } = readSafetensors(bytes);
  if (metadata.format !== FORMAT) refuse("the file is not a checkpoint of Chainrule's");
  const chainrule = String(metadata.chainrule);
  if (metadata.format_version !== String(FORMAT_VERSION)) {
    refuse(
      `format ${metadata.format_version}, written by Chainrule ${chainrule}; this version (${version}) reads format ${FORMAT_VERSION}`,
    );
  }
  const part = (name: string): Packed => unpack(metadata[name] ?? refuse(`its metadata lacks ${name}`), tensors);
  const generation = part("generation");
  if (!isCount(generation)) refuse("its generation is not a whole number");
  const state = checkedState(part("state"));
  return {
    generation,
    chainrule,
    state,
    run: checkedRun(part("run")),
    device: checkedDevice(part("device")),
    extra: part("extra"),
  };
}

/** The first bytes of what `encodeCheckpoint` writes, behind the header's length. */
function looksLikeOne(bytes: Uint8Array): boolean {
  const start = `{"__metadata__":{"format":"${FORMAT}"`;
  return new TextDecoder().decode(bytes.subarray(8, 8 + start.length)) === start;
}

/** The parts that a trainer relies on; whether names and shapes fit, it checks itself when it restores. */
function checkedState(value: Packed): TrainerState {
  if (!isRecord(value)) refuse("its state is not a record");
  const { step, cursor, control, parameters, moments } = value;
  if (!isCount(step)) refuse("its step is not a whole number");
  const isArrayOf = (v: Packed | undefined, dtype: NdArray["dtype"]): v is NdArray => isArray(v) && v.dtype === dtype;
  if (!isArrayOf(cursor, "u32") || cursor.data[0] !== step) refuse(`its cursor is not at step ${step}`);
  if (!isArrayOf(control, "f32")) refuse("its control numbers are missing");
  const isNamed = (v: Packed | undefined): boolean =>
    v instanceof Map && [...v.values()].every((a) => isArrayOf(a, "f32"));
  if (!isNamed(parameters)) refuse("its parameters are not f32 arrays by name");
  if (!Array.isArray(moments) || !moments.every(isNamed)) refuse("its moments are not f32 arrays by name");
  const { average } = value;
  if (average !== undefined && !isNamed(average)) refuse("its average is not of f32 arrays by name");
  return value as unknown as TrainerState;
}

function checkedRun(value: Packed): RunIdentity {
  if (!isRecord(value)) refuse("its run is not a record");
  return value as RunIdentity;
}

function checkedDevice(value: Packed): DeviceRecord {
  if (!isRecord(value)) refuse("its device is not a record");
  const { kind, description, kernels } = value;
  const named = isRecord(kernels) && Object.values(kernels).every((k) => typeof k === "string");
  if ((kind !== "webgpu" && kind !== "cpu") || typeof description !== "string" || !named)
    refuse("its device makes no sense");
  return value as unknown as DeviceRecord;
}

function isRecord(value: Packed | undefined): value is { readonly [name: string]: Packed | undefined } {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Map) && !isArray(value)
  );
}

const isCount = (v: Packed | undefined): v is number => typeof v === "number" && Number.isSafeInteger(v) && v >= 0;

function refuse(message: string): never {
  throw new ChainruleError("file", `checkpoint: ${message}`);
}
