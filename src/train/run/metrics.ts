import type { NdArray } from "../../core/ndarray.ts";
import { sealOf } from "../../ops/step/record.ts";
import { RING_SLOTS } from "./training-graph.ts";

/** What one training step reported. */
export interface StepMetrics {
  /** Counted from 1. */
  readonly step: number;
  /** Loss of the batch before this step's update. */
  readonly loss: number;
  /** Norm of all gradients together, before clipping. */
  readonly gradientNorm: number;
  /** What the schedule gave for this step. */
  readonly learningRate: number;
  /** True when loss or a gradient was not finite: the update did not happen. */
  readonly skipped: boolean;
  /** With f16: by what the next step's gradients are multiplied on their way. 1 with f32. */
  readonly lossScale: number;
}

/** The ring's numbers as words: the seals are of their bits. */
export function wordsOf(ring: NdArray | undefined): Uint32Array {
  const data = ring?.data ?? [];
  const floats = data instanceof Float32Array ? data : Float32Array.from(data);
  return new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
}

/** True where a slot of the ring is what step `s`, counted from 0, wrote there. */
export function proves(words: Uint32Array, s: number): boolean {
  const at = (s % RING_SLOTS) * 4;
  const mark = words[at + 3] ?? 0;
  return (mark & 0x7f800000) !== 0 && (mark & 0x7fffff) === sealOf(words, at, s);
}

/** What the loss ring says of step `s`, counted from 0. */
export function metricsOf(ring: NdArray, s: number): StepMetrics {
  const at = (s % RING_SLOTS) * 4;
  const [loss, gradientNorm, learningRate, gate] = ring.data.subarray(at, at + 4) as unknown as readonly number[];
  return {
    step: s + 1,
    loss: loss!,
    gradientNorm: gradientNorm!,
    learningRate: learningRate!,
    // 1 or -1; where the loss is scaled, the scale or minus the scale; times 1 and a fraction, the seal.
    skipped: gate! <= 0,
    lossScale: 2 ** Math.floor(Math.log2(Math.abs(gate!))),
  };
}
