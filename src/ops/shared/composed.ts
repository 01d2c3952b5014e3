import { ChainruleError } from "../../core/errors.ts";
import type { NdArray } from "../../core/ndarray.ts";
import type { TensorSpec } from "../../graph/graph.ts";
import type { AnyOp, Binding, FamilyProof, Kernel, Op, WasmCall, WasmPlan } from "../../graph/op.ts";
import { input, output, scratch } from "./dispatch-plan.ts";

/** A value inside a composition: its input, or an output of an earlier part. */
export type Ref = { readonly input: number } | { readonly part: number; readonly output?: number };

/** One op of a composition. */
export interface Part {
  readonly op: AnyOp;
  readonly attrs: unknown;
  readonly inputs: readonly Ref[];
}

/** The values that references name, out of a composition's inputs and the results of its parts so far. */
export function valuesAt<T>(refs: readonly Ref[], inputs: readonly T[], results: readonly (readonly T[])[]): T[] {
  return refs.map((ref) => ("input" in ref ? inputs[ref.input]! : results[ref.part]![ref.output ?? 0]!));
}

/** What several ops make together, where one kernel can do their work. */
export interface Composition<A> {
  readonly name: string;
  /** The parts in order, and which values are the outputs; `inputs` counts the node's inputs. */
  readonly body: (attrs: A, inputs: number) => { readonly parts: readonly Part[]; readonly outputs: readonly Ref[] };
  readonly kernels: readonly Kernel<A>[];
  /** Whose cases are its own, where they do not stand under its name among the proofs; the bound is made of the parts'. */
  readonly cases?: FamilyProof;
  readonly inPlace?: Op<A>["inPlace"];
  readonly trial?: Op<A>["trial"];
  readonly sample?: Op<A>["sample"];
  /** Calls in WebAssembly that do better than the parts' own, for output 0; the parts' where it gives null, or is absent. */
  readonly wasm?: (attrs: A, inputs: readonly TensorSpec[], y: TensorSpec) => WasmPlan | null;
}

/**
 * An op made of others. Shapes, reference, bound and what WebAssembly runs are those of the parts, one after the other:
 * only the device's kernels are its own. It appears after differentiation, so it has no gradient.
 */
export function composed<A>(c: Composition<A>): Op<A> {
  /** Runs `step` over the parts and returns the outputs. */
  function through<T>(
    attrs: A,
    inputs: readonly T[],
    step: (part: Part, values: readonly T[], p: number) => readonly T[],
  ): readonly T[] {
    const { parts, outputs } = c.body(attrs, inputs.length);
    const results: (readonly T[])[] = [];
    parts.forEach((part, p) => {
      results.push(step(part, valuesAt(part.inputs, inputs, results), p));
    });
    return valuesAt(outputs, inputs, results);
  }
  return {
    name: c.name,
    infer: (inputs, attrs) => through<TensorSpec>(attrs, inputs, (part, values) => part.op.infer(values, part.attrs)),
    reference: (inputs, attrs) =>
      through<NdArray>(attrs, inputs, (part, values) => part.op.reference(values, part.attrs)),
    wasm(inputs, ys, attrs) {
      const better = c.wasm?.(attrs, inputs, ys[0]!);
      if (better) return better;
      type Value = { readonly at: Pick<Binding, "kind" | "index">; readonly spec: TensorSpec };
      if (c.body(attrs, inputs.length).parts.some(({ op }) => !op.wasm && !op.view)) return null;
      const calls: WasmCall[] = [];
      const between: TensorSpec[] = [];
      const { outputs } = c.body(attrs, inputs.length);
      const placeOf = (p: number, o: number): Value["at"] | null => {
        const k = outputs.findIndex((r) => "part" in r && r.part === p && (r.output ?? 0) === o);
        return k < 0 ? null : output(k);
      };
      const given = inputs.map((spec, i): Value => ({ at: input(i), spec }));
      through<Value>(attrs, given, (part, values, p) => {
        const { op } = part;
        const specs = values.map(({ spec }) => spec);
        const made = op.infer(specs, part.attrs).map((spec, o): Value => {
          const shared = op.inPlace?.find(([written]) => written === o);
          if (shared) return { at: values[shared[1]]!.at, spec };
          return { at: placeOf(p, o) ?? scratch(between.push(spec) - 1, "read_write"), spec };
        });
        const plan = op.wasm?.(
          specs,
          made.map(({ spec }) => spec),
          part.attrs,
        );
        if (!plan) throw new ChainruleError("model", `${c.name}: ${op.name} has no kernel in WebAssembly`);
        const first = between.length;
        between.push(...(plan.scratch ?? []));
        const resolve = (b: Value["at"]): Value["at"] => {
          if (b.kind === "scratch") return scratch(first + b.index, "read_write");
          return (b.kind === "input" ? values : made)[b.index]!.at;
        };
        for (const call of plan.calls) {
          calls.push({ ...call, args: call.args.map((a) => (typeof a === "object" && "kind" in a ? resolve(a) : a)) });
        }
        return made;
      });
      return { calls, scratch: between };
    },
    gradient: "none",
    kernels: c.kernels,
    proof: { family: "composedProof", of: c },
    ...(c.inPlace ? { inPlace: c.inPlace } : {}),
    ...(c.trial ? { trial: c.trial } : {}),
    ...(c.sample ? { sample: c.sample } : {}),
  };
}
