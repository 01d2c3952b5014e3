import { brief, refuse } from "./refuse.ts";
import { Tensor } from "./tensor.ts";

/** Tensors by name, as they lie somewhere in what was saved. */
export interface Found {
  /** Keys on the way there, with dots between; empty where the whole is one. */
  readonly path: string;
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** What else lies among them. */
  readonly others: readonly string[];
}

/** A checkpoint has a state dict at its top or one or two keys below. */
const MAX_DEPTH = 3;
/** What people call a net's weights in a checkpoint, where there may be moments and averages beside them. */
const USUAL = new Set(
  "state_dict model_state_dict model model_state net net_state_dict network module weights params parameters".split(
    " ",
  ),
);

/**
 * The state dict in what was saved: the whole, the one under a usual key, or the only one; `key` says which where several
 * are there. Throws ChainruleError "file" that lists them.
 */
export function findStateDict(value: unknown, key?: string): { found: Found; notes: string[] } {
  const all = collect(value);
  const listed = (list: readonly Found[]): string =>
    list
      .slice(0, 8)
      .map((f) => `${brief(f.path)} (${f.tensors.size} tensors)`)
      .join(", ") + (list.length > 8 ? ", ..." : "");
  const taken = (found: Found): { found: Found; notes: string[] } => {
    const rest = all.filter((f) => f !== found && f.path !== "");
    const where = `the weights are those under ${brief(found.path)}`;
    const left = found.others.length > 8 ? [...found.others.slice(0, 8), "..."] : found.others;
    return {
      found,
      notes: [
        ...(found.path === "" || key !== undefined
          ? []
          : [rest.length > 0 ? `${where}; not taken: ${listed(rest)}` : where]),
        ...(left.length > 0 ? [`no tensors, and so left out: ${left.join(", ")}`] : []),
      ],
    };
  };
  if (key !== undefined) {
    const asked = all.find((f) => f.path === key);
    return taken(
      asked ?? refuse(`there are no tensors under ${brief(key)}; there are ${listed(all) || "none at all"}`),
    );
  }
  const whole = all.find((f) => f.path === "");
  if (whole && whole.others.length === 0) return taken(whole);
  const nested = all.filter((f) => f !== whole);
  const usual = nested.filter((f) => f.path.split(".").every((part) => USUAL.has(part)));
  if (usual.length === 1) return taken(usual[0]!);
  if (nested.length === 0 && whole) return taken(whole);
  if (nested.length === 1 && !whole) return taken(nested[0]!);
  if (all.length === 0)
    return refuse(`no tensors by name: ${what(value)}; in Python, torch.save(model.state_dict(), "weights.pt")`);
  return refuse(`several state dicts, ${listed(nested)}: say which with --weights-key`);
}

function collect(value: unknown): Found[] {
  if (Array.isArray(value) && value.length > 0 && value.every((v) => v instanceof Tensor)) {
    // list(model.parameters()): tensors in order, without names.
    return [{ path: "", tensors: new Map(value.map((v, i) => [String(i), v])), others: [] }];
  }
  const all: Found[] = [];
  // What is shared is looked at once, so that a small file cannot be a large one.
  const seen = new Set<unknown>();
  const look = (map: unknown, path: string, depth: number): void => {
    // An optimizer's state has tensors too, by number.
    if (!(map instanceof Map) || seen.has(map) || map.has("param_groups")) return;
    seen.add(map);
    const named = [...map].filter((e): e is [string, unknown] => typeof e[0] === "string");
    const tensors = new Map(named.filter((e): e is [string, Tensor] => e[1] instanceof Tensor));
    if (tensors.size > 0) {
      const others = named.filter(([, v]) => !(v instanceof Tensor)).map(([name]) => brief(name));
      all.push({ path, tensors, others });
    }
    if (depth < MAX_DEPTH) for (const [name, v] of named) look(v, path === "" ? name : `${path}.${name}`, depth + 1);
  };
  look(value, "", 0);
  return all;
}

/** What was saved instead of weights, in a few words. */
function what(value: unknown): string {
  if (value instanceof Tensor) return "a tensor alone";
  if (!(value instanceof Map)) return "no dictionary";
  const keys = [...value.keys()].slice(0, 8).map((k) => brief(String(k)));
  return keys.length === 0 ? "an empty dictionary" : `a dictionary of ${keys.join(", ")}`;
}
