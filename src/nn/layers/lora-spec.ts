import type { Tensor } from "../../graph/graph.ts";
import type { Fields } from "./fields.ts";
import type { AnyLayerType, ForwardContext, LayerParameter, Wiring } from "./layer-type.ts";

/**
 * A low-rank adapter of a linear map (LoRA): y = x W + (alpha / rank) (x A) B. A [in, rank] begins uniform in +-1/sqrt(in),
 * B [rank, out] at 0, so that it changes nothing at first.
 */
export interface LoraSpec {
  /** Columns of A and rows of B. */
  readonly rank: number;
  /** Factor of what it adds, times rank. */
  readonly alpha: number;
  /** Share of the adapter's input that training drops. */
  readonly dropout: number;
}

/** A linear map of a layer that may have an adapter: its whole weight, or the columns of it that give a projection. */
export interface Projection {
  /** What stands before the names of its adapter's parameters: "q_proj"; empty where the layer is one linear map. */
  readonly target: string;
  readonly inputs: number;
  readonly outputs: number;
  /** The weight that it is part of, and the first of its columns. */
  readonly weight: string;
  readonly first: number;
}

/** All that layers, and their reading, ask of adapters and of parameters that are not all trained. */
export interface Adapters {
  /** Refuses a "trainable" that names no parameter of the layer's own. */
  requireTrainable(layer: Wiring, type: AnyLayerType, at: string): void;
  /** The field "lora" of a layer. */
  read(f: Fields): LoraSpec | undefined;
  /** What the adapters of these maps consist of. */
  parameters(lora: LoraSpec, maps: readonly Projection[]): readonly LayerParameter[];
  /** y, which the layer's own weight makes of x, and what its adapters add to it. */
  forward(
    c: ForwardContext,
    lora: LoraSpec,
    maps: readonly Projection[],
    y: Tensor,
    x: Tensor,
    name: string,
  ): Promise<Tensor>;
}
