import { picturesNow } from "./pictures.ts";
import { current, takeEvents } from "./session.ts";
import type { Progress } from "./types.ts";

/** What the page is told beside the run's own numbers. */
export const status: { playing: boolean; unsaved: string | null } = { playing: false, unsaved: null };

export async function news(over: {
  stepsPerSecond?: number;
  picture?: boolean;
  error?: string | null;
}): Promise<Progress> {
  const { trainer, recorder, evaluations } = current();
  let evaluation: Progress["evaluation"] = null;
  let pictures: Progress["pictures"] = null;
  if (over.picture) {
    const on = trainer.options.test ? "test" : "train";
    const found = await trainer.evaluate(on);
    evaluation = found && { ...found, on };
    if (found && evaluations.at(-1)?.step !== trainer.stepsTaken)
      evaluations.push({ step: trainer.stepsTaken, ...found });
    pictures = await picturesNow();
  }
  return {
    step: trainer.stepsTaken,
    loss: recorder.lastLoss,
    curve: recorder.flush(),
    stepsPerSecond: over.stepsPerSecond ?? 0,
    evaluation,
    pictures,
    error: over.error ?? null,
    unsaved: status.unsaved,
    ...takeEvents(),
    playing: status.playing,
  };
}
