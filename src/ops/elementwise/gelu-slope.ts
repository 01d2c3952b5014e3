import { normalCdf, normalPdf } from "../../core/erf.ts";
import { sizeOf } from "../../core/ndarray.ts";
import type { Node, Op, Tensor } from "../../graph/op.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { flatCall } from "../shared/wasm-plan.ts";
import { multiply } from "./multiply.ts";

/** y = gelu(x), and the slope there, which takes the memory of x. On the CPU alone: no graph has it, programs do. */
export const geluWithSlope: Op<null> = {
  name: "geluWithSlope",
  infer: ([x]) => [0, 1].map(() => ({ shape: x!.shape, dtype: "f32" as const })),
  reference([x]) {
    const y = floatLike(x!, x!.shape);
    for (let i = 0; i < y.data.length; i++) {
      const v = x!.data[i]!;
      const share = normalCdf(v);
      y.data[i] = v === Number.NEGATIVE_INFINITY ? 0 : v * share;
      x!.data[i] = share + v * normalPdf(v);
    }
    return [y, x!];
  },
  wasm: (_inputs, [y]) => flatCall("geluWithSlope", [input(0), output(0), sizeOf(y!.shape)], y!),
  gradient: "none",
  kernels: [],
  inPlace: [[1, 0]],
};

/**
 * The nodes of a program where GELU leaves its slope behind, in the memory of its input, by which the way back multiplies: what
 * it would compute again takes longer than what it reads, unlike on a GPU. Only where nothing else, and not the host, looks at
 * the input. No bit differs, and nothing takes more memory.
 */
export function keepSlopes(nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] {
  const readers = new Map<Tensor, Node[]>();
  for (const node of nodes) {
    if (node.op.view === "slice") continue;
    for (const t of node.inputs) readers.set(sourceOf(t), [...(readers.get(sourceOf(t)) ?? []), node]);
  }
  const seen = new Set([...kept].map(sourceOf));
  const made = new Map<Node, Node>();
  for (const back of nodes.filter(({ op }) => op.name === "geluGradient")) {
    const [dy, x] = back.inputs as readonly [Tensor, Tensor];
    const source = sourceOf(x);
    const [there, last, ...others] = readers.get(source)!;
    if (there?.op.name !== "gelu" || there.inputs[0] !== x || last !== back || others.length > 0) continue;
    if (source.kind === "variable" || seen.has(source)) continue;
    const slope: Tensor = { ...x, name: `slope of ${x.name}`, node: there };
    made.set(there, { ...there, op: geluWithSlope, attrs: null, outputs: [there.outputs[0]!, slope] });
    made.set(back, { ...back, op: multiply, attrs: null, inputs: [dy, slope] });
  }
  return nodes.map((node) => made.get(node) ?? node);
}

/** What a value is a view of, in the end. */
function sourceOf(t: Tensor): Tensor {
  return t.node?.op.view === "slice" ? sourceOf(t.node.inputs[0]!) : t;
}
