import type { Wiring } from "./layer-type.ts";
import type { LoraSpec } from "./lora-spec.ts";

/** Adapters of attention's projections, all of one rank. */
export interface AttentionLora extends LoraSpec {
  /** Which: of queries, keys and values each by itself or in_proj for all three as one map, and out_proj. */
  readonly targets: readonly ("in_proj" | "q_proj" | "k_proj" | "v_proj" | "out_proj")[];
}

/** Self-attention within rows of steps: torch.nn.MultiheadAttention(batch_first), of one value as query, key and value. */
export interface AttentionSpec extends Wiring {
  /** Tells it from other layers. */
  readonly type: "attention";
  /** Width of a step, which heads divide. */
  readonly size: number;
  /** Heads of queries, each of size / heads. */
  readonly heads: number;
  /** Heads of keys and values, a divisor of heads, each for heads / keyHeads neighbouring heads of queries. */
  readonly keyHeads: number;
  /** Whether a step sees itself and earlier steps alone. */
  readonly causal: boolean;
  /** Whether both projections have a bias. */
  readonly bias: boolean;
  /** Share of the weights that training drops. */
  readonly dropout: number;
  /** "lengths": steps behind a row's length are not seen, and give the output's bias. Where rows have none, all count. */
  readonly mask?: "lengths";
  /** Whether queries and keys are turned by angles of their steps, value i of a head with value i + size / heads / 2. */
  readonly rotary: boolean;
  /** The angles' base: step / base^(2 i heads / size). */
  readonly base: number;
  /** Low-rank adapters beside its projections; none where absent. */
  readonly lora?: AttentionLora;
}
