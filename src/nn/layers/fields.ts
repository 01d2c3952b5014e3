import { ChainruleError } from "../../core/errors.ts";
import { brief } from "../../core/format.ts";

/** A layer wider than this would overflow the device's 32-bit indices long before it could be trained. */
export const MAX_WIDTH = 2 ** 24;

export const bad = (message: string): never => {
  throw new ChainruleError("model", message);
};

/** A number, or one for each dimension of places. */
export type PerDimension = number | readonly number[];

/** One number for each of `count` dimensions. */
export const each = (value: PerDimension, count: number): readonly number[] =>
  typeof value === "number" ? Array.from({ length: count }, () => value) : value;

/** Throws where an object has a field that nobody reads: a misspelt one would be passed over. */
export function requireKnown(of: object, known: readonly string[], where: string): void {
  const unknown = Object.keys(of).find((key) => !known.includes(key));
  if (unknown !== undefined) bad(`${where}: unknown field ${brief(unknown)}; known are ${known.join(", ")}`);
}

/** The fields of one layer in a model file. Everything throws ChainruleError "model" by the layer's and field's names. */
export class Fields {
  constructor(
    private readonly layer: Readonly<Record<string, unknown>>,
    /** "layer 3 (conv2d)". */
    readonly at: string,
  ) {}

  only(...known: readonly string[]): void {
    requireKnown(this.layer, ["type", ...known, "name", "from"], this.at);
  }

  bad(message: string): never {
    return bad(`${this.at}: ${message}`);
  }

  all(): Readonly<Record<string, unknown>> {
    return this.layer;
  }

  has(key: string): boolean {
    return this.layer[key] !== undefined;
  }

  value(key: string): unknown {
    return this.layer[key];
  }

  /** A whole number from `least` up, 1 where that is absent. */
  whole(key: string, fallback?: number, least = 1): number {
    return this.checked(key, this.layer[key] ?? fallback, least);
  }

  /** A number from `low` to before `high`. */
  number(key: string, fallback: number, low: number, high: number): number {
    const value = this.layer[key] === undefined ? fallback : this.layer[key];
    if (typeof value !== "number" || !(value >= low && value < high)) {
      bad(`${this.at}: "${key}" must be at least ${low} and below ${high}, got ${brief(value)}`);
    }
    return value as number;
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.layer[key] ?? fallback;
    if (typeof value !== "boolean") bad(`${this.at}: "${key}" must be true or false`);
    return value as boolean;
  }

  choice<T extends string>(key: string, choices: readonly T[]): T {
    const value = this.layer[key] ?? choices[0];
    if (!choices.includes(value as T)) {
      bad(`${this.at}: "${key}" must be ${choices.map((c) => `"${c}"`).join(" or ")}, got ${brief(value)}`);
    }
    return value as T;
  }

  /** A whole number, or a list of one for each of `count` dimensions. */
  dimensions(key: string, count: number, fallback?: PerDimension, least = 1): PerDimension {
    const value = this.layer[key] ?? fallback;
    if (!Array.isArray(value)) return this.checked(key, value, least);
    if (value.length !== count) {
      bad(`${this.at}: "${key}" must be a number, or a list of ${count}, got ${brief(value)}`);
    }
    return value.map((v) => this.checked(key, v, least));
  }

  /** A list of whole numbers. */
  list(key: string, least = 1): readonly number[] {
    const value = this.layer[key];
    if (!Array.isArray(value) || value.length === 0) {
      return bad(`${this.at}: "${key}" must be a list of whole numbers, got ${brief(value)}`);
    }
    return value.map((v) => this.checked(key, v, least));
  }

  private checked(key: string, value: unknown, least: number): number {
    if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > MAX_WIDTH) {
      bad(`${this.at}: "${key}" must be a whole number from ${least} to ${MAX_WIDTH}, got ${brief(value)}`);
    }
    return value as number;
  }
}
