import { ChainruleError } from "../core/errors.ts";
import { type DType, type NdArray, sameShape, shapeText, sizeOf } from "../core/ndarray.ts";
import type { Given, GraphBuilder, Node, Op, Tensor } from "./op.ts";
import type { TensorSpec } from "./tensor.ts";

export type { Given, GraphBuilder, Node, Tensor } from "./op.ts";
export type { TensorSpec } from "./tensor.ts";

/**
 * A training step as data: variables, and nodes in the order in which they run.
 * Recorded once, differentiated by adding nodes, compiled once, run many times by any executor.
 */
export class Graph implements GraphBuilder {
  /** In the order in which they run. */
  readonly nodes: Node[] = [];
  /** In the order in which they were made. */
  readonly variables: Tensor[] = [];
  /** Values that the host may read after a run; the memory plan keeps them to the end of the step. */
  readonly kept = new Set<Tensor>();
  private nextId = 0;

  variable(name: string, initial: NdArray): Tensor {
    const dtype = initial.dtype === "f64" ? "f32" : initial.dtype;
    const tensor: Tensor = {
      id: this.nextId++,
      name,
      shape: initial.shape,
      dtype,
      node: null,
      kind: "variable",
      initial,
    };
    this.variables.push(tensor);
    return tensor;
  }

  add<A>(
    op: Op<A>,
    inputs: readonly Tensor[],
    attrs: Given<A>,
    name: string | readonly string[] = op.name,
  ): readonly Tensor[] {
    const specs = op.infer(inputs, attrs);
    const outputs: Tensor[] = [];
    const node: Node<A> = { id: this.nodes.length, op, attrs, inputs, outputs };
    specs.forEach((spec, i) => {
      const own = typeof name === "string" ? name + (i > 0 ? `.${i}` : "") : name[i]!;
      outputs.push({ ...spec, id: this.nextId++, name: own, node, kind: "computed", initial: null });
    });
    this.nodes.push(node);
    return outputs;
  }

  one<A>(op: Op<A>, inputs: readonly Tensor[], attrs: Given<A>, name?: string): Tensor {
    return this.add(op, inputs, attrs, name)[0]!;
  }

  /**
   * Drops nodes whose results nothing needs: neither kept values nor updates in place. Differentiation makes some, such
   * as the gradient of the batch itself.
   */
  prune(): void {
    const needed = new Set<Tensor>(this.kept);
    const live = this.nodes.toReversed().filter((node) => {
      const wanted = (node.op.inPlace?.length ?? 0) > 0 || node.outputs.some((t) => needed.has(t));
      if (wanted) for (const t of node.inputs) needed.add(t);
      return wanted;
    });
    this.nodes.splice(0, this.nodes.length, ...live.reverse());
  }

  /** Marks values to be read by the host. */
  keep(...tensors: readonly Tensor[]): void {
    for (const t of tensors) this.kept.add(t);
  }
}

/** "matmul(x [64, 784], w [512, 10])", for messages. */
export function callText(op: { readonly name: string }, inputs: readonly TensorSpec[]): string {
  return `${op.name}(${inputs.map((t) => shapeText(t.shape)).join(", ")})`;
}

/** Throws a shape error that names the op, what it got and what it wanted. */
export function wrongShapes(op: { readonly name: string }, inputs: readonly TensorSpec[], expected: string): never {
  throw new ChainruleError("shape", `${callText(op, inputs)}: expected ${expected}`);
}

/** For shape rules: throws ChainruleError "shape" unless there is one input for each of `ranks`, of that rank. */
export function expectRank(
  op: { readonly name: string },
  inputs: readonly TensorSpec[],
  ranks: readonly number[],
): void {
  if (inputs.length !== ranks.length || inputs.some((t, i) => t.shape.length !== ranks[i])) {
    wrongShapes(op, inputs, `${ranks.length} input(s) of rank ${ranks.join(", ")}`);
  }
}

/** For shape rules: throws ChainruleError "shape" unless all inputs have one shape. */
export function expectSame(op: { readonly name: string }, inputs: readonly TensorSpec[]): void {
  if (inputs.some((t) => !sameShape(t.shape, inputs[0]!.shape))) wrongShapes(op, inputs, "inputs of one shape");
}

/** Bytes of an element on the device. */
export const elementBytes = (dtype: DType): number => (dtype === "f16" ? 2 : 4);

/** Bytes of a value on the device, in whole words. */
export function bytesOf({ shape, dtype }: TensorSpec): number {
  return Math.ceil((sizeOf(shape) * elementBytes(dtype)) / 4) * 4;
}
