import { ChainruleError } from "../../core/errors.ts";

/** Which arrays of a file are the inputs and the targets of which rows. */
export interface ArrayRoles {
  readonly train: Pair;
  readonly validation: Pair | null;
  readonly test: Pair | null;
}

/** Names of arrays whose rows go together. */
export interface Pair {
  readonly x: string;
  readonly y: string;
  /** Steps of each row that count, where there is such an array. */
  readonly lengths?: string;
}

type Part = "all" | "train" | "validation" | "test";
type Kind = "x" | "y" | "lengths";

const KINDS: readonly (readonly [Kind, string])[] = [
  ["x", "x|data|images?|features?|inputs?|samples"],
  ["y", "y|labels?|targets?|outputs?|classes"],
  ["lengths", "lengths?"],
];
const PARTS: readonly (readonly [Exclude<Part, "all">, string])[] = [
  ["train", "train(?:ing)?"],
  ["validation", "val(?:id(?:ation)?)?|dev"],
  ["test", "test(?:ing)?"],
];

/** What an array's name says, in any case, with or without a sign between: "x", "X_train", "trainImages". */
function told(name: string): { readonly kind: Kind; readonly part: Part } | null {
  const positional = /^arr_([01])$/.exec(name);
  if (positional) return { kind: positional[1] === "0" ? "x" : "y", part: "all" };
  for (const [kind, kinds] of KINDS) {
    if (new RegExp(`^(?:${kinds})$`, "i").test(name)) return { kind, part: "all" };
    for (const [part, parts] of PARTS) {
      const either = `(?:${kinds})[_. -]?(?:${parts})|(?:${parts})[_. -]?(?:${kinds})`;
      if (new RegExp(`^(?:${either})$`, "i").test(name)) return { kind, part };
    }
  }
  return null;
}

/**
 * Tells by their names which arrays are which: x and y, X and y, x_train and y_train with x_test and y_test beside them,
 * images and labels, data and target, numpy's own arr_0 and arr_1.
 * Throws ChainruleError "data" where the names tell nothing, or more than one thing.
 */
export function arrayRoles(file: string, names: readonly string[]): ArrayRoles {
  const refuse = (why: string): never => {
    throw new ChainruleError("data", `${file}: ${why}, has ${listOf(names)}`);
  };
  const pairOf = (part: Part): Pair | null => {
    const [x, y, lengths] = (["x", "y", "lengths"] as const).map((kind) => only(kind, part));
    return x !== undefined && y !== undefined ? { x, y, ...(lengths === undefined ? {} : { lengths }) } : null;
  };
  const only = (kind: Kind, part: Part): string | undefined => {
    const found = names.filter((name) => {
      const said = told(name);
      return said?.kind === kind && said.part === part;
    });
    // x is x, whatever else is there; X and x are two.
    const plain = found.filter((name) => name.toLowerCase() === kind);
    if (plain.length === 1) return plain[0];
    // Positions mean something where no name does.
    const named = found.filter((name) => !name.startsWith("arr_"));
    const left = named.length > 0 ? named : found;
    if (left.length > 1)
      refuse(`${left.map((n) => `"${n}"`).join(" and ")} may both be ${kind}: keep or name one "${kind}"`);
    return left[0];
  };
  if (names.some((name) => /^arr_[2-9]/.test(name)) && !pairOf("train")) {
    refuse("arrays without names, more than two: store them as x=..., y=... (x_test=..., y_test=...)");
  }
  const train = pairOf("train") ?? pairOf("all");
  if (!train)
    return refuse('needs arrays "x" and "y" (or x_train and y_train, X and y, images and labels, arr_0 and arr_1)');
  return { train, validation: pairOf("validation"), test: pairOf("test") };
}

/** The inputs of new rows: x by any of its names; that of test rows before that of rows to learn from; or the only array. */
export function inputsName(file: string, names: readonly string[]): string {
  for (const part of ["all", "test", "validation", "train"] as const) {
    const found = names.filter((name) => {
      const said = told(name);
      return said?.kind === "x" && said.part === part;
    });
    const plain = found.find((name) => name.toLowerCase() === "x");
    if (plain !== undefined || found.length === 1) return plain ?? found[0]!;
  }
  if (names.length === 1) return names[0]!;
  throw new ChainruleError("data", `${file}: needs an array "x" [n, ...], has ${listOf(names)}`);
}

/** The lengths of the rows that inputsName found, where there are any. */
export function lengthsName(names: readonly string[], x: string): string | undefined {
  const part = told(x)?.part;
  return names.find((name) => {
    const said = told(name);
    return said?.kind === "lengths" && said.part === part;
  });
}

function listOf(names: readonly string[]): string {
  const shown = names.slice(0, 12).map((name) => (name.length > 40 ? `${name.slice(0, 40)}...` : name));
  return names.length > 12 ? `${shown.join(", ")} and ${names.length - 12} more` : shown.join(", ") || "none";
}
