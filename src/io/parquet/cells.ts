import type { DecodedArray, ParquetParsers } from "hyparquet";
import { Damaged, NoText } from "./refuse.ts";

const DAY_MS = 86_400_000;
const decoder = new TextDecoder("utf-8", { fatal: true });
const text = (bytes: Uint8Array): string => {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new NoText("bytes that are not UTF-8 text");
  }
};

/** A moment as pandas writes it: "2024-01-05", "2024-01-05 10:30:00.250". `digits` are those of a part of a second. */
function moment(value: bigint | number, perSecond: bigint, digits: number): string {
  const whole = BigInt(value);
  const part = ((whole % perSecond) + perSecond) % perSecond;
  const seconds = (whole - part) / perSecond;
  const time = new Date(Number(seconds) * 1000);
  if (Number.isNaN(time.getTime())) throw new Damaged(`the time ${whole}, which no calendar has`);
  const iso = time.toISOString();
  const [day, clock] = [iso.slice(0, -14), iso.slice(-13, -5)];
  const fraction = String(part).padStart(digits, "0").replace(/0+$/, "");
  if (clock === "00:00:00" && fraction === "") return day;
  return `${day} ${clock}${fraction === "" ? "" : `.${fraction}`}`;
}

/** What hyparquet makes of each type: texts, where a number would say less. */
export const parsers: ParquetParsers = {
  timestampFromMilliseconds: (value) => moment(value, 1000n, 3),
  timestampFromMicroseconds: (value) => moment(value, 1_000_000n, 6),
  timestampFromNanoseconds: (value) => moment(value, 1_000_000_000n, 9),
  dateFromDays: (days) => moment(days * DAY_MS, 1000n, 3),
  stringFromBytes: text,
  jsonFromBytes: text,
  geometryFromBytes: () => undefined,
  geographyFromBytes: () => undefined,
  uuidFromBytes: (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join(""),
};

/** The smallest and largest values that a footer tells of may be any bytes, cut off anywhere. */
export const footerParsers: ParquetParsers = { ...parsers, stringFromBytes: () => "", jsonFromBytes: () => "" };

/** Values as the fields of a table: numbers with all their digits, true and false as 1 and 0, nothing for what is missing. */
export function fieldsOf(values: DecodedArray): string[] {
  return Array.from(values as ArrayLike<unknown>, (value) => {
    switch (typeof value) {
      case "number":
      case "bigint":
        return String(value);
      case "string":
        return value;
      case "boolean":
        return value ? "1" : "0";
      default:
        if (value === null) return "";
        if (value === undefined) throw new Damaged("a number that its dictionary does not have");
        throw new NoText("bytes for a value");
    }
  });
}
