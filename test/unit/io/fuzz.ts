import fc from "fast-check";
import { ChainruleError } from "../../../src/core/errors.ts";
import { times } from "../../shared/thorough.ts";

/** Inputs for each reader; CHAINRULE_FUZZ=1000000 for a release (see SECURITY.md). */
export const MANY = Number(process.env.CHAINRULE_FUZZ ?? times(1000, 10_000));
/** Inputs for the readers of what people hand in most: CSV, Parquet and ONNX. */
export const MOST = Number(process.env.CHAINRULE_FUZZ ?? times(1000, 1_000_000));
/** A million inputs take up to an hour of processor time a reader; what this guards against is one that never ends. */
export const timeoutOf = (inputs: number): number => 60_000 + (inputs > 10_000 ? 60 : 3) * inputs;
export const TIMEOUT = timeoutOf(MANY);
/** No input may take longer, in time of the processor: a busy machine takes none of that. */
const MAX_MS = 1000;
export const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
/** What a reader may hold besides its arrays, and what the process allocates meanwhile. */
export const SMALL = 2 ** 20;
/** Longest message: a person reads it, and a hostile file should not write it. */
const MAX_MESSAGE = 1000;

export interface Fuzzed<T> {
  readonly inputs: fc.Arbitrary<T>;
  readonly read: (input: T) => unknown;
  /** Bytes of an input, and how many of arrays the reader may allocate for each. */
  readonly bytesOf: (input: T) => number;
  readonly factor: number;
}

/** Inputs drawn at once, and inputs between two looks at the memory, which take longer than most readings. */
const DRAWN = 1000;
const LOOK = 50;

/**
 * Holds a reader to this, whatever it is given: it returns or throws a ChainruleError with a short message, within a
 * second, without allocating arrays of more than `factor` times the input, or objects and strings out of proportion.
 * Memory that is freed meanwhile can only make it look smaller, which over all the inputs hides nothing.
 * Throws naming the input.
 */
export async function fuzz<T>(fuzzed: Fuzzed<T>, runs = MANY): Promise<void> {
  const seed = Date.now() | 0;
  for (let done = 0; done < runs; done += DRAWN) {
    const inputs = fc.sample(fuzzed.inputs, { numRuns: Math.min(DRAWN, runs - done), seed: seed + done });
    for (let at = 0; at < inputs.length; at += LOOK) await look(inputs.slice(at, at + LOOK), fuzzed);
  }
  if (Object.keys(Object.prototype).length > 0) throw new Error("Object.prototype was written to");
}

async function look<T>(inputs: readonly T[], fuzzed: Fuzzed<T>): Promise<void> {
  const before = process.memoryUsage();
  for (const input of inputs) await one(input, fuzzed.read);
  const wrong = allocated(before, inputs, fuzzed);
  if (!wrong) return;
  // Which of them it was.
  for (const input of inputs) {
    const start = process.memoryUsage();
    await one(input, fuzzed.read);
    const found = allocated(start, [input], fuzzed);
    if (found) throw new Error(`${found}, given ${shown(input)}`);
  }
  throw new Error(`${wrong}, given one of ${inputs.length} inputs, such as ${shown(inputs[0])}`);
}

function allocated<T>(before: NodeJS.MemoryUsage, inputs: readonly T[], { bytesOf, factor }: Fuzzed<T>): string | null {
  const after = process.memoryUsage();
  const may = inputs.reduce((sum, input) => sum + factor * bytesOf(input), 0);
  const arrays = after.arrayBuffers - before.arrayBuffers;
  if (arrays > may + SMALL) return `allocated ${arrays} bytes of arrays, more than ${may}`;
  const heap = after.heapUsed - before.heapUsed;
  return heap > 100 * may + 16 * SMALL ? `allocated ${heap} bytes of objects` : null;
}

/** One reading that ends as it should. */
async function one<T>(input: T, read: (input: T) => unknown): Promise<void> {
  const start = processorMs();
  let error: unknown = null;
  try {
    const result = read(input);
    if (result instanceof Promise) await result;
  } catch (caught) {
    error = caught;
  }
  if (error !== null && !(error instanceof ChainruleError)) {
    throw new Error(`${error}, given ${shown(input)}`, { cause: error });
  }
  if (error !== null && error.message.length > MAX_MESSAGE) {
    throw new Error(`a message of ${error.message.length} characters, given ${shown(input)}`);
  }
  const ms = processorMs() - start;
  if (ms > MAX_MS) throw new Error(`took ${ms} ms, given ${shown(input)}`);
}

function shown(input: unknown): string {
  return input instanceof Uint8Array ? `bytes ${Buffer.from(input).toString("hex")}` : JSON.stringify(input);
}

/** Whether `run` returns, or throws a ChainruleError: what a reader may do with any bytes at all. */
export function endsCleanly(run: () => unknown): boolean {
  try {
    run();
    return true;
  } catch (error) {
    if (error instanceof ChainruleError) return true;
    throw error;
  }
}

/** `valid` with a few bytes overwritten, then cut or extended at the end. */
export function mutations(valid: Uint8Array): fc.Arbitrary<Uint8Array> {
  const edit = fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 }));
  const edits = fc.array(edit, { maxLength: 6 });
  const ending = fc.oneof(fc.constant(0), fc.integer({ min: -valid.length, max: 16 }));
  return fc.tuple(edits, ending).map(([changes, grow]) => {
    const out = new Uint8Array(valid.length + grow);
    out.set(valid.subarray(0, out.length));
    for (const [at, byte] of changes) if (at < out.length) out[at] = byte;
    return out;
  });
}

/** Text that means something to some reader, where it does not belong. */
const TOKENS = [
  ..."{}[]\",:'\\\n\r\t\0-",
  ...["null", "true", "1e999", "-0", "9007199254740993", "0.5", "4294967296", "[[[[[[", '{"a":', '""', "NaN", "\uFEFF"],
  ...['"__proto__":', '"constructor":', '"prototype":', "\ud800", "\\u0000", "<img src=x onerror=alert(1)>", "../../"],
];

/** `valid` with parts of it replaced, doubled or cut out, and such tokens put between. */
export function textMutations(valid: string): fc.Arbitrary<string> {
  const place = fc.nat(valid.length);
  const edit = fc.tuple(place, fc.nat(12), fc.oneof(fc.constantFrom(...TOKENS), fc.constant("twice")));
  return fc.array(edit, { minLength: 1, maxLength: 5 }).map((edits) => {
    let text = valid;
    for (const [at, length, put] of edits) {
      const cut = text.slice(at, at + length);
      text = text.slice(0, at) + (put === "twice" ? cut + cut : put) + text.slice(at + length);
    }
    return text;
  });
}

export function randomBytes(): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ maxLength: 200 });
}

/** Reads, and holds the reader to time, memory and errors of ours. Bytes of arrays can only be counted too low. */
export async function heldTo(maxBytes: number, read: () => unknown, maxMs = MAX_MS): Promise<void> {
  const before = process.memoryUsage().arrayBuffers;
  const start = processorMs();
  try {
    await read();
  } catch (error) {
    if (!(error instanceof ChainruleError)) throw error;
    if (error.code !== "file" || error.message.length > 600) throw new Error(`not as it should be: ${error.message}`);
  }
  const ms = processorMs() - start;
  if (ms > maxMs) throw new Error(`took ${ms} ms`);
  const grown = process.memoryUsage().arrayBuffers - before;
  if (grown > maxBytes + SMALL) throw new Error(`allocated ${grown} bytes, more than ${maxBytes}`);
}
