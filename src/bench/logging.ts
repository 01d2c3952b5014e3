import type { Backend } from "../backend/executor.ts";
import { createTrainer } from "../train/create-trainer.ts";
import { measureInTurns, type Timing } from "./stats.ts";
import { mlp, sample, stepsOf } from "./step.ts";

/** What looking at the loss costs: the same steps with the loss reported every 10, and with the last one only. */
export interface LoggingRow {
  readonly name: string;
  readonly backend: string;
  readonly every10: Timing;
  readonly never: Timing;
  /** Medians' ratio minus one. */
  readonly overhead: number;
}

/** Share of a step that reporting may cost. */
export const LOGGING_LIMIT = 0.03;

export async function benchLogging(backend: Backend, signal?: AbortSignal): Promise<LoggingRow> {
  const { name, model, batch } = mlp("64-64-10", [64, 64, 10], 32);
  const trainer = await createTrainer(backend, { model, data: sample(model, 4 * batch), batch });
  try {
    const [every10, never] = await measureInTurns([stepsOf(trainer, 10), stepsOf(trainer)], {
      samples: 9,
      sampleMs: 300,
      signal,
    });
    const overhead = every10!.median / never!.median - 1;
    return { name, backend: backend.description, every10: every10!, never: never!, overhead };
  } finally {
    trainer.dispose();
  }
}
