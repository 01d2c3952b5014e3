import type { Node, Tensor } from "../../graph/graph.ts";
import { type ChosenKernel, chooseKernel } from "./choose.ts";
import type { WebGpuDevice } from "./device.ts";
import { isSettled } from "./tuner-candidates.ts";

/**
 * The first step of a run by kernels that compile quickly. SwiftShader compiles pipelines one after another, and what is
 * fastest there, without being measured, compiles longest: so step 0 is taken by others, and the rest compiles behind it. The
 * number of a step decides, and nothing else: a run that goes on has the bits of one that was never left, and so has one
 * that is taken again.
 *
 * On SwiftShader "packed-quads" compiles in 90 to 120 ms and makes a multiply-add in half a nanosecond, "direct" in 28 to 42
 * and two, "naive" in 12 to 19 and fourteen (processor time).
 */
const QUICK = /\/(packed-quads|direct)$/;
/** Multiply-adds of a node up to which "naive" takes less in all than "direct". */
const FEW = 2 ** 20;
/** Of all nodes that have another kernel: beyond, the first step would take longer by more than compiling does. */
const MOST = 2 ** 28;

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
  let all = 0;
  const quick = [...chosen].map(([node, c]): readonly [Node, ChosenKernel] => {
    const { op, inputs, attrs } = node;
    if (!op.trial || !QUICK.test(c.kernel.name)) return [node, c];
    const work = op.trial.work(inputs, attrs);
    all += work;
    const name = c.kernel.name.replace(QUICK, work <= FEW ? "/naive" : "/direct");
    if (!op.kernels.some((k) => k.name === name && !wrong.has(name))) return [node, c];
    const other = name === c.kernel.name ? c : chooseKernel(node, caps, name, wrong);
    // The memory plan is made for the kernels of all other steps.
    return [node, other.plan.scratch?.length ? c : other];
  });
  return all > MOST ? chosen : new Map(quick);
}

/** The kernels of all other steps, compiled and with their known answers: one that is wrong has that of step 0 instead. */
export async function rest(chosen: Chosen, first: Chosen, gpu: WebGpuDevice): Promise<Chosen> {
  const late = [...chosen].filter(([node, c]) => c !== first.get(node));
  const asked = late.map(([, { kernel, plan }]) =>
    Promise.all(plan.launches.map((launch) => gpu.pipelines.get(launch, kernel.name))),
  );
  const { selfTestOf } = await import("./self-test.ts");
  const kept = late.map(async ([node, c], i): Promise<readonly [Node, ChosenKernel]> => {
    await asked[i];
    const wrong = await selfTestOf(gpu).of(new Map([[node, c]]));
    return [node, wrong.length > 0 ? first.get(node)! : c];
  });
  return new Map([...chosen, ...(await Promise.all(kept))]);
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
