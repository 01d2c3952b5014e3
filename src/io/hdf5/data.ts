import { sizeOf } from "../../core/ndarray.ts";
import { inflate } from "../../data/inflate.ts";
import { type Hdf5Bytes, refuse } from "./bytes.ts";
import { leaves } from "./groups.ts";

const LAYOUT = { compact: 0, contiguous: 1, chunked: 2 } as const;
const FILTER = { deflate: 1, shuffle: 2, fletcher32: 3 } as const;
/** The header and the checksum of a zlib stream, whose inside is deflate. */
const ZLIB_HEADER = 2;
const ZLIB_CHECKSUM = 4;
/** Deflate cannot do better than 1,032 to 1. */
const DEFLATE_LIMIT = 1032;
const MOST_FILTERS = 8;

/** Where an array's bytes lie. */
export interface Stored {
  readonly shape: readonly number[];
  /** Bytes of a value. */
  readonly size: number;
  /** Where its layout and its filters are described; null where it has none. */
  readonly layout: number;
  readonly filters: number | null;
}

/**
 * All bytes of an array, row by row; a view of the file where they lie there so. No more are made than the array has,
 * which must be no more than `most`.
 */
export async function readData(file: Hdf5Bytes, stored: Stored, most: number): Promise<Uint8Array> {
  const { shape, size, layout } = stored;
  const bytes = sizeOf(shape) * size;
  if (bytes > most) refuse(`an array of ${bytes} bytes, more than the ${most} that this file can hold`);
  const version = file.u8(layout);
  const kind = file.u8(layout + 1);
  if (version === 3 || (version === 4 && kind !== LAYOUT.chunked)) {
    if (kind === LAYOUT.compact) return held(file.part(layout + 4, file.u16(layout + 2)), bytes);
    if (kind === LAYOUT.contiguous) {
      const address = file.address(layout + 2) ?? refuse("an array that was never written");
      return held(file.part(address, bytes), file.u64(layout + 10));
    }
    if (kind === LAYOUT.chunked) return chunked(file, stored, bytes);
  }
  return refuse(`an array in layout ${kind}, version ${version}, which is not read: h5py writes so with libver latest`);
}

function held(part: Uint8Array, bytes: number): Uint8Array {
  return part.length === bytes ? part : refuse(`an array of ${part.length} bytes is stored in ${bytes}`);
}

async function chunked(file: Hdf5Bytes, { shape, size, layout, filters }: Stored, bytes: number): Promise<Uint8Array> {
  const rank = shape.length;
  if (file.u8(layout + 2) !== rank + 1) refuse("an array's chunks have other dimensions than the array");
  const chunk = shape.map((_, i) => file.u32(layout + 11 + 4 * i));
  const tree = file.address(layout + 3) ?? refuse("an array that was never written");
  const chunkBytes = sizeOf(chunk) * size;
  // Chunks reach beyond the array's end by less than one of them in each dimension.
  const grid = shape.map((d, i) => Math.ceil(d / chunk[i]!));
  if (file.u32(layout + 11 + 4 * rank) !== size || chunk.includes(0) || chunkBytes > 2 ** rank * bytes) {
    refuse(`an array ${shape.join(" x ")} in chunks of ${chunk.join(" x ")}`);
  }
  const pipeline = filters === null ? [] : readFilters(file, filters);
  const keys: number[] = [];
  const addresses = leaves(file, tree, 1, 8 + 8 * (rank + 1) + 8, (at) => keys.push(at));
  const count = sizeOf(grid);
  if (addresses.length !== count) refuse(`an array of ${count} chunks has ${addresses.length}`);
  const packed = keys.reduce((sum, key) => sum + file.u32(key), 0);
  if (bytes > packed * (pipeline.some(({ id }) => id === FILTER.deflate) ? DEFLATE_LIMIT : 1)) {
    refuse(`an array of ${bytes} bytes in chunks of ${packed}`);
  }
  const out = new Uint8Array(bytes);
  const seen = new Set<string>();
  for (const [i, address] of addresses.entries()) {
    const key = keys[i]!;
    const start = shape.map((_, d) => file.u64(key + 8 + 8 * d));
    const name = start.join();
    if (start.some((s, d) => s % chunk[d]! !== 0 || s >= shape[d]!) || seen.has(name)) {
      refuse(`a chunk at ${name} of an array ${shape.join(" x ")}`);
    }
    seen.add(name);
    const raw = file.part(address, file.u32(key));
    const data = await unfiltered(raw, pipeline, file.u32(key + 4), chunkBytes, size);
    place(data, chunk, start, out, shape, size);
  }
  return out;
}

interface Filter {
  readonly id: number;
}

function readFilters(file: Hdf5Bytes, at: number): readonly Filter[] {
  const version = file.u8(at);
  const count = file.u8(at + 1);
  if (version !== 1 && version !== 2) refuse(`filters of version ${version}`);
  if (count > MOST_FILTERS) refuse(`${count} filters of one array`);
  let next = at + (version === 1 ? 8 : 2);
  return Array.from({ length: count }, () => {
    const id = file.u16(next);
    const named = version === 1 || id >= 256;
    const name = named ? file.u16(next + 2) : 0;
    const values = file.u16(next + (named ? 6 : 4));
    next += (named ? 8 : 6) + (version === 1 ? Math.ceil(name / 8) * 8 : name);
    next += 4 * (version === 1 ? values + (values % 2) : values);
    if (!(Object.values(FILTER) as number[]).includes(id)) {
      refuse(`an array is packed by filter ${id}; read are gzip, shuffle and fletcher32`);
    }
    return { id };
  });
}

/** A chunk as it was before its filters, of which `mask` says which were left out. */
async function unfiltered(
  raw: Uint8Array,
  filters: readonly Filter[],
  mask: number,
  bytes: number,
  size: number,
): Promise<Uint8Array> {
  let data = raw;
  for (let i = filters.length - 1; i >= 0; i--) {
    if (mask & (1 << i)) continue;
    const { id } = filters[i]!;
    // A checksum, which a file that was not meant to be read can have right as well.
    if (id === FILTER.fletcher32) data = data.subarray(0, Math.max(0, data.length - 4));
    else if (id === FILTER.shuffle) data = unshuffled(data, size);
    else data = await unpacked(data, bytes + 4);
  }
  return data.length === bytes ? data : refuse(`a chunk of ${data.length} bytes, not ${bytes}`);
}

async function unpacked(data: Uint8Array, most: number): Promise<Uint8Array> {
  const inside = data.subarray(ZLIB_HEADER, Math.max(ZLIB_HEADER, data.length - ZLIB_CHECKSUM));
  const out = await inflate(inside, "deflate-raw", Math.min(most, inside.length * DEFLATE_LIMIT)).catch(
    (cause: unknown) => refuse("a chunk's deflate stream is damaged or cut short", { cause }),
  );
  return out ?? refuse(`a chunk decompresses to more than its ${most} bytes`);
}

/** First bytes of all values together, then all second bytes, back to value by value. */
function unshuffled(data: Uint8Array, size: number): Uint8Array {
  const count = Math.floor(data.length / size);
  const out = data.slice();
  for (let b = 0; b < size; b++) for (let i = 0; i < count; i++) out[i * size + b] = data[b * count + i]!;
  return out;
}

/** Copies the part of a chunk that lies within the array, a row of its last dimension at a time. */
function place(
  data: Uint8Array,
  chunk: readonly number[],
  start: readonly number[],
  out: Uint8Array,
  shape: readonly number[],
  size: number,
): void {
  const rank = shape.length;
  const last = rank - 1;
  const rows = sizeOf(chunk.slice(0, last));
  const width = rank === 0 ? 1 : Math.min(chunk[last]!, shape[last]! - start[last]!);
  for (let row = 0; row < rows; row++) {
    let at = 0;
    let stride = 1;
    let inside = true;
    for (let d = last - 1, rest = row; d >= 0; d--) {
      const index = start[d]! + (rest % chunk[d]!);
      rest = Math.floor(rest / chunk[d]!);
      if (index >= shape[d]!) inside = false;
      at += index * stride;
      stride *= shape[d]!;
    }
    if (!inside) continue;
    const from = row * (chunk[last] ?? 1) * size;
    out.set(data.subarray(from, from + width * size), (at * (shape[last] ?? 1) + (start[last] ?? 0)) * size);
  }
}
