import type { ConvolutionOperands } from "../../../src/bench/convolution-problem.ts";
import type { NdArray } from "../../../src/core/ndarray.ts";
import type { AttentionOperands } from "../attention.ts";
import type { Problem } from "../problem.ts";
import type { AttentionTask, ConvolutionTask, ProductTask, TrainingTask } from "../tasks.ts";

/** A task set up on a device. */
export interface Session {
  /** Does the task n times; resolves when the device has finished, by one awaited readback at the end. */
  run(n: number): Promise<void>;
  dispose(): void;
}

export interface TrainingSession extends Session {
  /** Loss of the last step before its update, and all weights after it, in the order of the problem's. */
  state(): Promise<{ loss: number; weights: readonly ArrayLike<number>[] }>;
}

export interface ResultSession extends Session {
  /** Of a product C [M, N]; of a convolution what its form names, channels first; of attention dqkv as qkv lies. */
  result(): Promise<NdArray>;
}

/** One library on one device, used as its documentation says that one should who wants speed. */
export interface Contestant {
  /** The library's version, its device, how it is used. */
  readonly description: string;
  train(task: TrainingTask, problem: Problem): Promise<TrainingSession>;
  multiply(task: ProductTask, a: NdArray, b: NdArray): Promise<ResultSession>;
  convolve(task: ConvolutionTask, operands: ConvolutionOperands): Promise<ResultSession>;
  attend(task: AttentionTask, operands: AttentionOperands): Promise<ResultSession>;
}
