import { ChainruleError } from "../../core/errors.ts";
import { cast } from "../../core/ndarray.ts";
import { bad } from "./fields.ts";
import type { TokenReader, Tokens } from "./layer-type.ts";

/** Where some layer reads tokens, it and its like alone read the input; a token is one that all of them know. */
export const tokenInput: TokenReader<unknown>["input"] = (layers) => {
  const readers = layers.filter(({ vocabulary }) => vocabulary !== null);
  const inside = readers.find(({ sources }) => sources[0] !== -1);
  if (inside) {
    bad(`${inside.at} takes tokens, which only the model's input can be: put it first, or give it "from": "input"`);
  }
  const other = layers.find(({ vocabulary, sources }) => vocabulary === null && sources.includes(-1));
  if (other) bad(`${other.at} takes numbers, but the model's input is tokens, since ${readers[0]!.at} reads it`);
  return tokensBelow(Math.min(...readers.map(({ vocabulary }) => vocabulary!)));
};

const tokensBelow = (count: number): Tokens => ({
  count,
  read(x, width, what, numberOf) {
    const at = x.data.findIndex((token) => !(Number.isInteger(token) && token >= 0 && token < count));
    if (at < 0) return cast(x, "i32");
    const place = `row ${numberOf(Math.floor(at / width))}, step ${at % width}`;
    const message = `token ${x.data[at]} in ${place} is outside the vocabulary of ${count}: 0 to ${count - 1}`;
    throw new ChainruleError("data", `${what}: ${message}`);
  },
});
