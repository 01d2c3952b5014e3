import { ChainruleError } from "../../core/errors.ts";
import { quote } from "../../core/format.ts";
import { fieldReader, type TableFormat } from "../../data/csv-format.ts";
import type { Table } from "../../data/csv-table.ts";
import { readParquet } from "./read.ts";

/**
 * A Parquet file as the table that a CSV file is: for data sets and for rows to predict. Of `format` only the texts that
 * stand for a missing value mean something. Throws ChainruleError "file" for what is no such file, see readParquet, "data"
 * for no rows, "usage" for settings of text.
 */
export async function parquetTable(
  name: string,
  bytes: Uint8Array,
  format: { readonly [K in keyof TableFormat]: TableFormat[K] | undefined } = {},
): Promise<Table> {
  const { missingValues, ...rest } = format;
  const stray = Object.entries(rest).find(([, value]) => value !== undefined);
  if (stray) throw new ChainruleError("usage", `${name}: "${stray[0]}" is for text; a Parquet file says it itself`);
  const { columns, fields, rows } = await readParquet(name, bytes);
  if (rows === 0) throw new ChainruleError("data", `${name}: columns and no rows`);
  const found = new Map<string, number>();
  for (const [j, column] of columns.entries()) {
    if (found.has(column)) throw new ChainruleError("data", `${name}: two columns are named ${quote(column)}`);
    found.set(column, j);
  }
  return {
    line: 1,
    unit: "row",
    columns: found,
    records: Array.from({ length: rows }, (_, i) => ({ line: i + 1, fields: fields.map((column) => column[i]!) })),
    reader: fieldReader(missingValues === undefined ? {} : { missingValues }),
    ignored: [],
    doubtful: [],
  };
}
