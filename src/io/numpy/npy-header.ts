import { requireBytes } from "../../core/arguments.ts";
import { ChainruleError } from "../../core/errors.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { ELEMENTS } from "../elements.ts";

/** What numpy's own reader takes unless told that a file is trusted. */
const MAX_HEADER_BYTES = 10_000;
const MAX_RANK = 8;
const MAGIC = "\u0093NUMPY";

/** numpy's types, without their byte order, as elements. */
export const ELEMENT_OF: ReadonlyMap<string, string> = new Map([
  ["f2", "F16"],
  ["f4", "F32"],
  ["f8", "F64"],
  ["b1", "BOOL"],
  ...[1, 2, 4, 8].flatMap((bytes): [string, string][] => [
    [`i${bytes}`, `I${8 * bytes}`],
    [`u${bytes}`, `U${8 * bytes}`],
  ]),
]);

/** As numpy itself calls a type: its i8 has 8 bytes, and is int64. */
export function numpyName(type: string): string {
  const kind = { f: "float", i: "int", u: "uint", b: "bool" }[type[0]!]!;
  return kind === "bool" ? kind : `${kind}${8 * Number(type.slice(1))}`;
}

export interface NpyHeader {
  /** A key of ELEMENT_OF. */
  readonly type: string;
  readonly little: boolean;
  readonly firstFastest: boolean;
  readonly shape: readonly number[];
  /** Where the values begin in the file. */
  readonly dataStart: number;
}

/** Reads and checks a header: the values behind it are as many as its shape says, and nothing follows them. */
export function readNpyHeader(bytes: Uint8Array, name: string): NpyHeader {
  const refuse: Refuse = (message) => {
    throw new ChainruleError("file", `${name}: ${message}`);
  };
  requireBytes(name, bytes);
  if (ascii(bytes, 0, 6) !== MAGIC) refuse("not an .npy file: it does not begin with \\x93NUMPY");
  const [major, minor] = [bytes[6], bytes[7]];
  if (bytes.length < 12) refuse(`cut short: the file has ${bytes.length} bytes`);
  if (!(major === 1 || major === 2 || major === 3) || minor !== 0) {
    refuse(`format version ${major}.${minor}; known are 1.0, 2.0 and 3.0`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const before = major === 1 ? 10 : 12;
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES) refuse(`a header of ${length} bytes; at most ${MAX_HEADER_BYTES} are accepted`);
  const dataStart = before + length;
  if (dataStart > bytes.length) refuse(`cut short: the header needs ${dataStart} bytes, the file has ${bytes.length}`);
  const { descr, order, shape } = new HeaderText(ascii(bytes, before, dataStart), refuse).dictionary();
  const { type, little } = elementType(descr, refuse);
  if (shape.length > MAX_RANK) refuse(`${shape.length} dimensions; at most ${MAX_RANK} are accepted`);
  // At most 2^424: where it rounds, it is far beyond the size of any file.
  const expected = sizeOf(shape) * ELEMENTS.get(ELEMENT_OF.get(type)!)!.bytes;
  const available = bytes.length - dataStart;
  if (expected !== available) {
    refuse(`${numpyName(type)} [${shape.join(", ")}] needs ${expected} bytes of values, the file has ${available}`);
  }
  return { type, little, firstFastest: order, shape, dataStart };
}

type Refuse = (message: string) => never;

const WHY_NOT: Readonly<Record<string, string>> = {
  O: ": objects are not unpickled; store numbers, .astype('float32')",
  U: " is text: give the number of each class",
  S: " is text: give the number of each class",
  M: " is a date: store it as a number, .astype('int64')",
  c: " is complex",
};

/** "<f4" as type and byte order. One byte has no order, and numpy writes | for it. */
function elementType(descr: string, refuse: Refuse): { type: string; little: boolean } {
  const [order, type] = [descr[0]!, descr.slice(1)];
  if (!ELEMENT_OF.has(type) || !(order === "<" || order === ">" || (order === "|" && type.endsWith("1")))) {
    const known = [...ELEMENT_OF.keys()].map(numpyName).join(", ");
    return refuse(`type '${descr.slice(0, 40)}'${WHY_NOT[type[0] ?? ""] ?? ""}; known are ${known}`);
  }
  return { type, little: order !== ">" };
}

/** Bytes as characters of their own. */
function ascii(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to));
}

/**
 * The text of a header, by a grammar of its own and not as the Python that it looks like:
 *
 *     header = "{" (entry ("," entry)* ","?)? "}" " "* "\n"?
 *     entry  = "'descr'" ":" text | "'fortran_order'" ":" ("True" | "False") | "'shape'" ":" shape
 *     shape  = "(" ")" | "(" number "," ")" | "(" number ("," number)+ ","? ")"
 *
 * with spaces between any two words, quotes of either kind, and each entry exactly once.
 */
class HeaderText {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly refuse: Refuse,
  ) {}

  dictionary(): { readonly descr: string; readonly order: boolean; readonly shape: readonly number[] } {
    const found = new Map<string, string | boolean | readonly number[]>();
    this.expect("{");
    while (!this.take("}")) {
      const key = this.quoted();
      if (found.has(key)) this.refuse(`the header has '${key}' twice`);
      this.expect(":");
      if (key === "descr") found.set(key, this.described());
      else if (key === "fortran_order") found.set(key, this.truth());
      else if (key === "shape") found.set(key, this.tuple());
      else this.refuse(`the header has '${key.slice(0, 40)}'; known are descr, fortran_order, shape`);
      if (this.take(",")) continue;
      this.expect("}");
      break;
    }
    if (!/^ *\n?$/.test(this.text.slice(this.at))) this.unexpected("spaces and the end of the header");
    const missing = ["descr", "fortran_order", "shape"].find((key) => !found.has(key));
    if (missing !== undefined) this.refuse(`the header lacks '${missing}'`);
    return {
      descr: found.get("descr") as string,
      order: found.get("fortran_order") as boolean,
      shape: found.get("shape") as readonly number[],
    };
  }

  private described(): string {
    this.spaces();
    if (this.text[this.at] === "[") this.refuse("records of several fields are not read; store one array a field");
    return this.quoted();
  }

  private truth(): boolean {
    if (this.take("True")) return true;
    return this.take("False") ? false : this.unexpected("True or False");
  }

  private tuple(): readonly number[] {
    const sizes: number[] = [];
    this.expect("(");
    while (!this.take(")")) {
      sizes.push(this.size());
      if (this.take(",")) continue;
      if (sizes.length === 1) this.unexpected("a comma, which a tuple of one has");
      this.expect(")");
      break;
    }
    return sizes;
  }

  private size(): number {
    this.spaces();
    const digits = /^\d+/.exec(this.text.slice(this.at, this.at + 20))?.[0] ?? this.unexpected("a size");
    const size = Number(digits);
    if (!Number.isSafeInteger(size)) this.refuse(`a size of ${digits} or more`);
    this.at += digits.length;
    return size;
  }

  private quoted(): string {
    this.spaces();
    const quote = this.text[this.at]!;
    if (quote !== "'" && quote !== '"') this.unexpected("a quoted word");
    const end = this.text.indexOf(quote, this.at + 1);
    if (end < 0) this.refuse("the header ends inside quotes");
    const word = this.text.slice(this.at + 1, end);
    this.at = end + 1;
    return /^[\x20-\x7e]*$/.test(word) ? word : this.refuse("the header has characters beyond ASCII");
  }

  private take(word: string): boolean {
    this.spaces();
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  private expect(word: string): void {
    if (!this.take(word)) this.unexpected(word);
  }

  private spaces(): void {
    while (this.text[this.at] === " ") this.at++;
  }

  private unexpected(wanted: string): never {
    const rest = JSON.stringify(this.text.slice(this.at, this.at + 20));
    return this.refuse(`the header has ${rest} at ${this.at}, where ${wanted} belongs`);
  }
}
