import type { NdArray } from "../../core/ndarray.ts";
import type { LayerSpec } from "../../nn/layers/spec.ts";
import type { Affine } from "./affine.ts";
import type { Value, WiredNet } from "./wired-net.ts";

/** What takes layers one behind the other: a chain, or a branch of a net of any wiring. */
export type Parts = Pick<NetParts, "add" | "affine" | "claim" | "layerNorm" | "linear" | "note">;

import type { NetParts } from "./net-parts.ts";

/** A value of a net of any wiring, moved on by what a reader of chains adds behind it. */
export class Branch implements Parts {
  constructor(
    private readonly net: WiredNet,
    public value: Value,
  ) {}

  add(layer: LayerSpec, where: string): void {
    this.value = this.net.add(layer, [this.value], where);
  }

  affine(affine: Affine, where: string): void {
    this.value = this.net.affine(this.value, affine, 0, where);
  }

  claim(size: number, where: string): void {
    this.net.claim(size, where);
  }

  linear(w: NdArray, b: NdArray | null, where: string): void {
    const [inputs, outputs] = w.shape as readonly [number, number];
    const layer: LayerSpec = { type: "linear", in: inputs, out: outputs, bias: b !== null };
    this.value = this.net.add(layer, [this.value], where, { weight: w, ...(b ? { bias: b } : {}) });
  }

  layerNorm(scale: NdArray, shift: NdArray, eps: number, where: string): void {
    const size = scale.shape.length === 1 ? scale.shape[0]! : scale.shape;
    this.value = this.net.add({ type: "layerNorm", size, eps }, [this.value], where, { weight: scale, bias: shift });
  }

  note(text: string): void {
    this.net.note(text);
  }
}
