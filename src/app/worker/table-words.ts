import { ChainruleError } from "../../core/errors.ts";
import { faultOf } from "../../data/table-fault.ts";
import { tables } from "../data/fault-strings.ts";
import { fill } from "../state/fill.ts";
import type { Language } from "../state/language.ts";

/** An error of a table in the words of the page, which names what there is on it; any other as it is. */
export function inWords(error: unknown, language: Language): unknown {
  const found = faultOf(error);
  if (!found) return error;
  const { fault, way, values } = found;
  const words = tables[language];
  const place = values.unit === undefined ? "" : fill(words[values.unit === "row" ? "row" : "line"], values);
  const said = [fault, ...(way ? [way] : [])].map((key) => fill(words[key], { ...values, place }));
  return new ChainruleError("data", said.join(language === "en" ? " " : ""), { cause: error });
}
