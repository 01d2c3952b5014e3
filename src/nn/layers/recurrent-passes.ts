import type { Wiring } from "./layer-type.ts";

export interface RecurrentFields extends Wiring {
  /** Values a step that it takes. */
  readonly in: number;
  /** Units: values a step that each direction gives. */
  readonly out: number;
  /** How many lie one behind the other, each reading all steps of the one before. */
  readonly layers: number;
  /** Whether each also goes from the last step to the first; both directions' values lie side by side. */
  readonly bidirectional: boolean;
  /** Whether there are biases, of the input's product and of the state's. */
  readonly bias: boolean;
}

/** Long short-term memory over the steps of a sequence: torch.nn.LSTM with batch_first, gates i f g o. */
export interface LstmSpec extends RecurrentFields {
  /** Tells it from other layers. */
  readonly type: "lstm";
}

/** Gated recurrent units: torch.nn.GRU with batch_first, gates r z n, the reset gate on n's hidden product and its bias. */
export interface GruSpec extends RecurrentFields {
  /** Tells it from other layers. */
  readonly type: "gru";
}

/** A plain recurrence: torch.nn.RNN with batch_first. */
export interface RnnSpec extends RecurrentFields {
  /** Tells it from other layers. */
  readonly type: "rnn";
  /** What a unit's sum goes through. */
  readonly nonlinearity: "tanh" | "relu";
}

/** A recurrence over the steps of a row. */
export type RecurrentSpec = LstmSpec | GruSpec | RnnSpec;

/** Gates of each. */
export const GATES = { lstm: 4, gru: 3, rnn: 1 } as const;

/** One pass over the steps: of layer `layer`, in one direction. */
export interface RecurrentPass {
  readonly layer: number;
  readonly reverse: boolean;
  /** Values a step that it reads. */
  readonly in: number;
  /** What its parameters' names end with: "l1_reverse". */
  readonly suffix: string;
}

/** All passes, in PyTorch's order. */
export function passesOf(spec: RecurrentFields): readonly RecurrentPass[] {
  const directions = spec.bidirectional ? [false, true] : [false];
  return Array.from({ length: spec.layers }, (_, layer) =>
    directions.map((reverse) => ({
      layer,
      reverse,
      in: layer === 0 ? spec.in : spec.out * directions.length,
      suffix: `l${layer}${reverse ? "_reverse" : ""}`,
    })),
  ).flat();
}
