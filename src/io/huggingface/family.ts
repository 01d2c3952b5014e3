import type { HuggingFaceConfig } from "./config.ts";
import type { HuggingFaceTensors } from "./tensors.ts";

/** A net as its config.json says it. */
export interface HuggingFaceNet {
  /** Steps that it was made for at most. */
  readonly positions: number;
  /** Layers of a model file, the head last. */
  readonly layers: readonly object[];
  /** Moves the file's arrays to the names and layouts of the layers. */
  put(tensors: HuggingFaceTensors): void;
  /** What was decided, a sentence each. */
  readonly notes?: readonly string[];
}

/** Nets of one model_type. */
export interface HuggingFaceFamily {
  /** Before the names of all but the head. */
  readonly prefix: string;
  /** Arrays that no layer needs. */
  readonly aside: RegExp;
  read(config: HuggingFaceConfig): HuggingFaceNet;
}
