import { requireKnownFields } from "../core/arguments.ts";
import { ChainruleError } from "../core/errors.ts";

/** Parameters that learn at a rate, or decay, of their own. */
export interface ParameterGroupSpec {
  /**
   * Which: names, in which * stands for any letters ("0.weight", "2.*"), or roles: weight, bias, scale, shift, and norm
   * for scale and shift. A parameter takes the first group that matches it.
   */
  readonly match: string | readonly string[];
  /** Times the run's learning rate; 0 freezes. 1 where absent. */
  readonly lr?: number;
  /** Times the optimizer's weight decay; 1 where absent. */
  readonly weightDecay?: number;
}

const roles: readonly string[] = ["weight", "bias", "scale", "shift", "norm"];

/** Factors of a parameter's own. */
export interface Multipliers {
  /** Of the learning rate; 0 freezes it. */
  readonly lr: number;
  /** Of the weight decay. */
  readonly weightDecay: number;
}

/** A parameter as far as groups look at it. */
interface Named {
  readonly name: string;
  readonly role: string;
}

/** Multipliers by parameter; null where all are 1. Throws on a group that cannot be meant, or a name that is nowhere. */
export function parameterMultipliers(
  specs: readonly ParameterGroupSpec[],
  parameters: readonly Named[],
): ReadonlyMap<string, Multipliers> | null {
  if (!Array.isArray(specs))
    throw new ChainruleError("usage", "groups: a list is needed, [{ match, lr, weightDecay }]");
  for (const spec of specs) requireKnownFields("groups", spec, ["match", "lr", "weightDecay"]);
  const wanted = specs.map((spec) => ({ spec, matches: requireMatches("groups", [spec.match].flat(), parameters) }));
  for (const { spec } of wanted) {
    const text = JSON.stringify(spec.match);
    for (const key of ["lr", "weightDecay"] as const) {
      const value = spec[key] ?? 1;
      if (!(value >= 0 && Number.isFinite(value))) {
        throw new ChainruleError("usage", `groups: ${key} of ${text} must be a factor of at least 0, got ${value}`);
      }
    }
  }
  const found = new Map(
    parameters.map((p): [string, Multipliers] => {
      const own = wanted.find(({ matches }) => matches(p))?.spec;
      return [p.name, { lr: own?.lr ?? 1, weightDecay: own?.weightDecay ?? 1 }];
    }),
  );
  return [...found.values()].every((m) => m.lr === 1 && m.weightDecay === 1) ? null : found;
}

/** Whether a parameter is one of those that patterns mean. Throws on patterns that are none, and a name that is nowhere. */
export function requireMatches(
  what: string,
  patterns: readonly string[],
  parameters: readonly Named[],
): (parameter: Named) => boolean {
  if (patterns.length === 0 || patterns.some((p) => typeof p !== "string" || p === "")) {
    const given = JSON.stringify(patterns.length === 1 ? patterns[0] : patterns);
    throw new ChainruleError("usage", `${what}: match must be names or roles, got ${given}`);
  }
  // A name that is nowhere is a slip; a role that this net happens to lack is none.
  const idle = patterns.find((pattern) => !roles.includes(pattern) && !parameters.some((p) => matches(p, pattern)));
  if (idle !== undefined) {
    const names = parameters.map((p) => p.name).join(", ");
    throw new ChainruleError("usage", `${what}: "${idle}" matches no parameter; there are ${names}`);
  }
  return (parameter) => patterns.some((pattern) => matches(parameter, pattern));
}

function matches({ name, role }: Named, pattern: string): boolean {
  if (pattern === role || (pattern === "norm" && (role === "scale" || role === "shift"))) return true;
  const escaped = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${escaped.join(".*")}$`).test(name);
}
