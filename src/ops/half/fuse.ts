import type { Node } from "../../graph/graph.ts";
import type { AnyOp, Fusion, Uses } from "../../graph/op.ts";
import { toHalf } from "./to-half.ts";

/**
 * How nodes become one that begin with a product of halves: as its op, or ops/fuse.ts, has it for f32, and where halves of
 * the result are all that is looked at, the storing too, if `stores` says that the op can. `halved` gives an op's form that
 * reads halves, `wideOf` the op of such a form.
 */
export function fuseHalved(
  halved: (op: AnyOp) => AnyOp,
  wideOf: (op: AnyOp) => AnyOp | null,
  stores: (op: AnyOp) => boolean,
): NonNullable<AnyOp["fuse"]> {
  return (node, uses, patterns) => {
    const seen = new Disguise(uses, wideOf);
    const start = seen.of(node);
    const own = start.op.fuse ? [start.op.fuse] : patterns;
    const found = own.map((pattern) => pattern(start, seen.uses, patterns)).find((f) => f !== null);
    const { op, attrs, ...rest }: Fusion = found ?? { ...start, replaces: [start], at: start };
    const fusion = { ...rest, replaces: rest.replaces.map((n) => seen.real(n)), at: seen.real(rest.at) };
    const stored = fusion.outputs.length === 1 && stores(op) ? uses.only(fusion.outputs[0]!) : null;
    if (stored?.op !== toHalf) return found ? { ...fusion, op: halved(op), attrs } : null;
    return {
      ...fusion,
      replaces: [...fusion.replaces, stored],
      at: stored,
      op: halved(op),
      attrs: { ...(attrs as object | null), toHalf: true },
      outputs: stored.outputs,
    };
  };
}

/** Why a node that `op` stands for stays as it is, as the op has it for f32. */
export const unfusedHalved =
  ({ unfused }: AnyOp, wideOf: (op: AnyOp) => AnyOp | null): NonNullable<AnyOp["unfused"]> =>
  (node, uses) => {
    const seen = new Disguise(uses, wideOf);
    return unfused?.(seen.of(node), seen.uses) ?? null;
  };

/** Nodes of halves as the nodes of f32 that they are forms of, so that patterns written for those know them. */
class Disguise {
  readonly uses: Uses;
  private readonly shown = new Map<Node, Node>();
  private readonly hidden = new Map<Node, Node>();

  constructor(
    actual: Uses,
    private readonly wideOf: (op: AnyOp) => AnyOp | null,
  ) {
    this.uses = {
      nodes: actual.nodes.map((n) => this.of(n)),
      kept: (t) => actual.kept(t),
      of: (t) => actual.of(t).map((n) => this.of(n)),
      only: (t) => {
        const found = actual.only(t);
        return found && this.of(found);
      },
    };
  }

  of(node: Node): Node {
    const wide = this.wideOf(node.op);
    const known = this.shown.get(node);
    if (!wide || known) return known ?? node;
    const shown = { ...node, op: wide };
    this.shown.set(node, shown);
    this.hidden.set(shown, node);
    return shown;
  }

  real(node: Node): Node {
    return this.hidden.get(node) ?? node;
  }
}
