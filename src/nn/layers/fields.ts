import { ChainruleError } from "../../core/errors.ts";
import { brief } from "../../core/format.ts";

/** A layer wider than this would overflow the device's 32-bit indices long before it could be trained. */
export const MAX_WIDTH = 2 ** 24;

export const bad = (message: string): never => {
  throw new ChainruleError("model", message);
};

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
    requireKnown(this.layer, ["type", ...known, "name", "from", "trainable"], this.at);
  }

  /** Of an object within a layer, which has no name of its own. */
  onlyThese(...known: readonly string[]): void {
    requireKnown(this.layer, known, this.at);
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

  /** A field that is read by hand; `_among` tells whoever lists fields that it is a list, or one of some words. */
  value(key: string, _among?: "list" | readonly string[]): unknown {
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

  checked(key: string, value: unknown, least: number): number {
    if (typeof value !== "number" || !Number.isInteger(value) || value < least || value > MAX_WIDTH) {
      bad(`${this.at}: "${key}" must be a whole number from ${least} to ${MAX_WIDTH}, got ${brief(value)}`);
    }
    return value as number;
  }
}
