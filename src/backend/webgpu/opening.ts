import { byOneQuad } from "../../../shaders/one-quad.ts";
import type { Node, Tensor, TensorSpec } from "../../graph/graph.ts";
import { type AnyKernel, type ChosenKernel, chooseKernel } from "./choose.ts";
import type { WebGpuDevice } from "./device.ts";
import { stridedKernel, textsOf } from "./strided.ts";
import { isSettled } from "./tuner-candidates.ts";

/**
 * The first step of a run by kernels that compile quickly. SwiftShader compiles pipelines one after another, and what is
 * fastest there, without being measured, compiles longest: so step 0 is taken by others, and the rest compiles behind it. The
 * number of a step decides, and nothing else: a run that goes on has the bits of one that was never left, and so has one
 * that is taken again.
 *
 * On SwiftShader "packed-quads" compiles in 90 to 120 ms, once for each form and epilogue, and makes a multiply-add in half a
 * nanosecond, "strided" in 35, once for a net, and 1.3 (processor time).
 */
const QUICK = /\/(packed-quads|direct)$/;
/** Of all nodes that have another kernel: beyond, the first step would take longer by more than compiling does. */
const MOST = 2 ** 28;
/** Kernels of one workgroup that take no longer by one quad: that takes all steps. */
const ONE_QUAD = /^(controlAndRecord\/one|crossEntropyWithGradient\/alone)$/;

/** The kernels of a run's first step, and those of all others. */
export interface Opening {
  /** The variable whose first number is the step that comes next. */
  readonly cursor: Tensor;
  /** What is encoded from now on is this step, or steps behind it: resolves when it can be. `idle` waits for the device. */
  begin(step: number, idle: () => Promise<unknown>): Promise<void>;
}

type Chosen = ReadonlyMap<Node, ChosenKernel>;

/** The kernels of step 0; `chosen` itself where no other would be there sooner. */
export function openingKernels(chosen: Chosen, { caps, wrong }: WebGpuDevice): Chosen {
  if (![...chosen.values()].some(({ kernel }) => isSettled(kernel.name, caps))) return chosen;
  const products = [...chosen].filter(([{ op }, { kernel }]) => op.trial && QUICK.test(kernel.name));
  const texts = textsByActivation(products);
  let all = 0;
  const quick = [...chosen].map(([node, c]): readonly [Node, ChosenKernel] => {
    const { op, inputs, outputs, attrs } = node;
    const { name } = c.kernel;
    const isProduct = op.trial && QUICK.test(name);
    if (isProduct) all += op.trial!.work(inputs, attrs);
    const kernel = isProduct ? strided(node, c.kernel, texts) : ONE_QUAD.test(name) ? oneQuad(c.kernel) : null;
    const plan = kernel && !wrong.has(kernel.name) ? kernel.plan(inputs, outputs, attrs, caps) : null;
    if (plan) return [node, { kernel: kernel!, plan }];
    // Products of halves, say, have no other rung.
    const direct = name.replace(QUICK, "/direct");
    if (!isProduct || direct === name || wrong.has(direct) || !op.kernels.some((k) => k.name === direct))
      return [node, c];
    const other = chooseKernel(node, caps, direct, wrong);
    // The memory plan is made for the kernels of all other steps.
    return [node, other.plan.scratch?.length ? c : other];
  });
  return all > MOST ? chosen : new Map(quick);
}

/** The activation in a node's epilogue, by name; "" for none. */
const activationOf = ({ attrs }: Node): string => (attrs as { activation?: string | null } | null)?.activation ?? "";

/** For each activation the texts of its products; products without one share those of the first. */
function textsByActivation(
  products: readonly (readonly [Node, ChosenKernel])[],
): ReadonlyMap<string, readonly string[]> {
  const texts = new Map<string, string[]>();
  for (const [node, { kernel }] of products) {
    const [own, name] = [kernel.product?.(node.inputs, node.attrs), activationOf(node)];
    if (own && name) texts.set(name, [...new Set([...(texts.get(name) ?? []), ...textsOf(own)])]);
  }
  return texts.set("", [...texts.values()][0] ?? []);
}

/** The kernel of all products of a net, for one of them: its known answer is of a case with the same epilogue. */
function strided(node: Node, kernel: AnyKernel, texts: ReadonlyMap<string, readonly string[]>): AnyKernel | null {
  const made = stridedKernel(kernel, texts.get(activationOf(node))!);
  const epilogueOf = (inputs: readonly TensorSpec[], attrs: unknown): string =>
    JSON.stringify(kernel.product!(inputs, attrs).epilogue);
  return (
    made && {
      ...made,
      plan: (inputs, outputs, attrs, caps) =>
        epilogueOf(inputs, attrs) === epilogueOf(node.inputs, node.attrs)
          ? made.plan(inputs, outputs, attrs, caps)
          : null,
    }
  );
}

/** A kernel of one launch by one quad. */
export const oneQuad = (kernel: AnyKernel): AnyKernel => ({
  name: `${kernel.name}-quad`,
  needs: "subgroups",
  plan(inputs, outputs, attrs, caps) {
    const plan = caps.subgroups ? kernel.plan(inputs, outputs, attrs, caps) : null;
    const code = plan && byOneQuad(plan.launches[0]!.code);
    return code ? { launches: [{ ...plan.launches[0]!, code }] } : null;
  },
});

/** The kernels of all other steps, compiled and with their known answers: one that is wrong has that of step 0 instead. */
export async function rest(chosen: Chosen, first: Chosen, gpu: WebGpuDevice): Promise<Chosen> {
  const late = [...chosen].filter(([node, c]) => node.op.trial && c !== first.get(node));
  const asked = late.map(([, { kernel, plan }]) =>
    Promise.all(plan.launches.map((launch) => gpu.pipelines.get(launch, kernel.name))),
  );
  const { selfTestOf } = await import("./self-test.ts");
  const kept = late.map(async ([node, c], i): Promise<readonly [Node, ChosenKernel]> => {
    await asked[i];
    const wrong = await selfTestOf(gpu).of(new Map([[node, c]]));
    return [node, wrong.length > 0 ? first.get(node)! : c];
  });
  return new Map([...first, ...(await Promise.all(kept))]);
}

/**
 * Has `use` take the set of dispatches that a step needs: `first`, or that of all others, which `make` makes once, and not
 * before the first step is over: they would share its cores.
 */
export function twoSets<T>(cursor: Tensor, first: T, make: () => Promise<T>, use: (set: T) => void): Opening {
  let made: Promise<T> | null = null;
  return {
    cursor,
    async begin(step, idle) {
      if (step === 0) return use(first);
      made ??= idle().then(make);
      // What failed for want of room is asked for again.
      made.catch(() => {
        made = null;
      });
      use(await made);
    },
  };
}
