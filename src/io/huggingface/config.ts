import { ChainruleError } from "../../core/errors.ts";
import { brief } from "../../core/format.ts";

/** Settings that say nothing of what the net computes: where it came from, how it is run, how text is cut. */
const ASIDE =
  /^_|^(architectures|model_type|torch_dtype|dtype|transformers_version|use_cache|initializer_range|name_or_path|.*_token_id|.*_token_ids|task_specific_params|id2label|label2id|output_.*|return_dict|summary_.*|pretraining_tp|problem_type|finetuning_task|tokenizer_class|gradient_checkpointing|n_ctx|auto_map)$/;

/** A config.json of Hugging Face's transformers, and which of its settings were asked for. */
export class HuggingFaceConfig {
  private readonly asked = new Set<string>();

  constructor(private readonly json: Readonly<Record<string, unknown>>) {}

  refuse(message: string): never {
    throw new ChainruleError("file", `config.json: ${message}`);
  }

  /** A setting as it is; undefined where it is absent or null. */
  value(key: string): unknown {
    this.asked.add(key);
    const value = Object.hasOwn(this.json, key) ? this.json[key] : undefined;
    return value === null ? undefined : value;
  }

  whole(key: string, otherwise?: number): number {
    const value = this.value(key) ?? otherwise;
    if (!Number.isSafeInteger(value) || (value as number) < 1) {
      this.refuse(`"${key}" must be a whole number from 1, got ${brief(value)}`);
    }
    return value as number;
  }

  number(key: string, otherwise: number, least: number, below: number): number {
    const value = this.value(key) ?? otherwise;
    if (typeof value !== "number" || !(value >= least && value < below)) {
      this.refuse(`"${key}" must be a number from ${least} and below ${below}, got ${brief(value)}`);
    }
    return value as number;
  }

  flag(key: string, otherwise: boolean): boolean {
    const value = this.value(key) ?? otherwise;
    if (typeof value !== "boolean") this.refuse(`"${key}" must be true or false, got ${brief(value)}`);
    return value as boolean;
  }

  /** The layer that an activation of that name is here. */
  activation(key: string, otherwise: string): string {
    const value = this.value(key) ?? otherwise;
    const found = typeof value === "string" && Object.hasOwn(ACTIVATIONS, value) ? ACTIVATIONS[value] : undefined;
    return found ?? this.refuse(`"${key}" is ${brief(value)}; known are ${Object.keys(ACTIVATIONS).join(", ")}`);
  }

  /** Refuses a setting that has another value than the one that is built. */
  only(key: string, ...values: readonly unknown[]): void {
    const value = this.value(key);
    if (value !== undefined && !values.includes(value)) {
      this.refuse(`"${key}" is ${brief(value)}; nets with ${values.map((v) => brief(v)).join(" or ")} are read`);
    }
  }

  /** Settings that nobody asked for and that may matter. */
  unread(): readonly string[] {
    return Object.keys(this.json).filter((key) => !this.asked.has(key) && !ASIDE.test(key));
  }
}

const ACTIVATIONS: Readonly<Record<string, string>> = {
  gelu_new: "geluTanh",
  gelu_pytorch_tanh: "geluTanh",
  gelu_fast: "geluTanh",
  gelu: "gelu",
  relu: "relu",
  silu: "silu",
  swish: "silu",
  tanh: "tanh",
};
