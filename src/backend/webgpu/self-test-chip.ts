import type { NdArray } from "../../core/ndarray.ts";
import type { Graph, Tensor } from "../../graph/graph.ts";
import type { Executor } from "../executor.ts";
import { ReferenceExecutor } from "../reference/executor.ts";
import { type WebGpuDevice, WHOLE_STEPS } from "./device.ts";

/** Steps of the known answer: the second and third losses tell whether the updates before them were right. */
const STEPS = 3;
/** How far a recorded number may lie from the reference's, relative to it: far above rounding, far below a mistake. */
const TOLERANCE = 1e-3;

/**
 * Takes the first steps of a graph on the chip and by the reference in f64, and compares what they record: losses,
 * gradient norms, rates and gates. The weights themselves are not compared, since an update may depend on the sign of a
 * gradient that is nothing but rounding; a loss hardly does. Then the executor is at its first step again.
 */
export async function wholeStepsAreRight(gpu: WebGpuDevice, executor: Executor, g: Graph): Promise<boolean> {
  const books = recorded(g);
  if (books.length === 0) return true;
  const reference = new ReferenceExecutor(g, "f64");
  const [computed, exact] = await Promise.all([executor.run(STEPS, books), reference.run(STEPS, books)]);
  reference.dispose();
  for (const v of g.variables) executor.write(v, v.initial!);
  for (const [i, t] of books.entries()) {
    const at = firstWrong(computed[i]!, exact[i]!);
    if (at < 0) continue;
    const [c, e] = [computed[i]!.data[at], exact[i]!.data[at]];
    gpu.wrong.set(WHOLE_STEPS, `${t.name} [${at}]: computed ${c}, exact ${e}`);
    return false;
  }
  return true;
}

/** Variables that a step writes at a place known only when it runs: where results are recorded. */
function recorded(g: Graph): readonly Tensor[] {
  return g.nodes.flatMap(({ op, inputs }) =>
    (op.inPlace ?? []).filter(([, input]) => op.lookups?.includes(input)).map(([, input]) => inputs[input]!),
  );
}

/** Beyond this a run explodes, and doubles every error in a step: the order of magnitude is all that can be asked. */
const EXPLODED = 1e6;
/** What is so small beside 1 may be nothing but rounding. */
const ROUNDING = 1e-6;

/** Words of a slot of the ring: the last is a mark, in whose fraction the others are sealed, rounding and all. */
const SEALED = 4;
const unsealed = (mark: number): number => Math.sign(mark) * 2 ** Math.floor(Math.log2(Math.abs(mark)));

/** Where the recorded numbers differ by more than rounding can explain; -1 where they do not. */
function firstWrong(computed: NdArray, exact: NdArray): number {
  for (let i = 0; i < exact.data.length; i++) {
    let [c, e] = [computed.data[i]!, exact.data[i]!];
    if (exact.shape[1] === SEALED && i % SEALED === SEALED - 1 && e !== 0) [c, e] = [unsealed(c), unsealed(e)];
    if (!Number.isFinite(e) || Math.abs(e) > EXPLODED) {
      if (Number.isFinite(c) && Math.abs(c) < EXPLODED / 10) return i;
    } else if (!(Math.abs(c - e) <= TOLERANCE * Math.abs(e) + ROUNDING)) return i;
  }
  return -1;
}
