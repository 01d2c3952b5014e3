import { ChainruleError } from "../../core/errors.ts";
import { brief } from "../../core/format.ts";
import { byteTokenizer, type Tokenizer, tokenizerOfCharacters } from "./tokenizer.ts";

/** Most characters of a vocabulary: as many as Unicode could have. */
const MAX_CHARACTERS = 0x110000;

/**
 * The tokenizer that a record says, which may come from anybody's file. Throws ChainruleError "file" naming `name` and what
 * is wrong with it.
 */
export async function tokenizerOf(name: string, record: unknown): Promise<Tokenizer> {
  const fail = (message: string): never => {
    throw new ChainruleError("file", `${name}: ${message}`);
  };
  if (typeof record !== "object" || record === null) return fail(`a tokenizer is an object, got ${brief(record)}`);
  const { type, ...fields } = record as Record<string, unknown>;
  const known: Readonly<Record<string, readonly string[]>> = { bytes: [], characters: ["characters"], file: ["file"] };
  const wanted = Object.hasOwn(known, String(type)) ? known[String(type)] : undefined;
  if (!wanted) return fail(`a tokenizer's "type" is bytes, characters or file, got ${brief(type)}`);
  const stray = Object.keys(fields).find((key) => !wanted.includes(key));
  if (stray !== undefined) fail(`a tokenizer of ${String(type)} has no field ${brief(stray)}`);
  if (type === "bytes") return byteTokenizer();
  if (type === "characters") {
    const { characters } = fields;
    if (typeof characters !== "string" || characters === "" || characters.length > 2 * MAX_CHARACTERS)
      return fail('"characters" must be the text of all characters');
    const list = [...characters];
    if (list.some((c, i) => i > 0 && c.codePointAt(0)! <= list[i - 1]!.codePointAt(0)!))
      fail('"characters" must be in the order of their numbers, each once');
    return tokenizerOfCharacters(list);
  }
  const { fileTokenizer } = await import("./file-tokenizer.ts");
  return fileTokenizer(name, fields.file);
}
