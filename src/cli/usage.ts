import { type ParseArgsConfig, parseArgs } from "node:util";
import { ChainruleError } from "../core/errors.ts";

export type OptionTypes = NonNullable<ParseArgsConfig["options"]>;

/** Options of every command. */
export const commonOptions = {
  help: { type: "boolean", short: "h" },
  verbose: { type: "boolean" },
  json: { type: "boolean" },
} as const satisfies OptionTypes;

/** Parses a command's arguments; unknown flags and missing values are usage errors that name the flag. */
export function parse<const T extends OptionTypes>(
  args: readonly string[],
  options: T,
  positionals: [min: number, max: number],
) {
  const all = { ...commonOptions, ...options };
  let parsed: ReturnType<typeof parseArgs<{ args: string[]; options: typeof all; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args: joinNegatives(args), options: all, allowPositionals: true });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new ChainruleError("usage", `${message.replace(/\. To specify.*$/s, "")} (see --help)`, { cause });
  }
  const given = parsed.positionals;
  const help = (parsed.values as { help?: boolean }).help === true;
  if (!help && given.length < positionals[0]) throw new ChainruleError("usage", "an argument is missing (see --help)");
  if (given.length > positionals[1])
    throw new ChainruleError("usage", `unexpected argument "${given[positionals[1]]}" (see --help)`);
  return parsed;
}

/** `--lr -1` means the value -1, so that the message can be about the value. */
function joinNegatives(args: readonly string[]): string[] {
  const out: string[] = [];
  for (const arg of args) {
    const last = out.at(-1);
    if (/^-[\d.]/.test(arg) && last?.startsWith("--") && !last.includes("=")) out[out.length - 1] = `${last}=${arg}`;
    else out.push(arg);
  }
  return out;
}

/** The file that a flag names. Throws a usage error where the flag was left out. */
export function requiredFile(name: string, value: string | undefined): string {
  if (value === undefined) throw new ChainruleError("usage", `--${name} <file> is missing (see --help)`);
  return value;
}

/** A number from a flag. Throws a usage error that names the flag. */
export function numberFlag(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) {
    throw new ChainruleError("usage", `--${name} must be a number, got "${text}"`);
  }
  return value;
}

/** A positive whole number from a flag. */
export function countFlag(name: string, text: string | undefined, low = 1): number | undefined {
  const value = numberFlag(name, text);
  if (value !== undefined && (!Number.isInteger(value) || value < low || value > 2 ** 31)) {
    throw new ChainruleError("usage", `--${name} must be a whole number from ${low} up, got "${text}"`);
  }
  return value;
}

export function choiceFlag<T extends string>(
  name: string,
  text: string | undefined,
  choices: readonly T[],
): T | undefined {
  if (text === undefined) return undefined;
  const found = choices.find((c) => c === text);
  if (found === undefined)
    throw new ChainruleError("usage", `--${name} must be one of ${choices.join(", ")}, got "${text}"`);
  return found;
}

/** "--a" is, "--a, --b" are: flags by their names without the dashes, and the word that fits so many. */
export function agreeing(names: readonly string[], one: string, several: string): string {
  return `${names.map((name) => `--${name}`).join(", ")} ${names.length === 1 ? one : several}`;
}

/** What to do with flags that mean nothing. */
export const leaveOut = (names: readonly string[]): string => `leave ${names.length === 1 ? "it" : "them"} out`;
