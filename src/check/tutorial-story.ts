import { referenceBackend } from "../backend/reference/executor.ts";
import { tutorialData } from "../data/synthetic.ts";
import { trainingPresets } from "../nn/presets.ts";
import { createTrainer } from "../train/create-trainer.ts";

/** What becomes of a tutorial run that goes on past where its text stops printing. */
export interface TutorialStory {
  /** lr * steps where the text ends, where the loss is least, and where this run ends. */
  readonly printed: { readonly time: number; readonly loss: number };
  readonly minimum: { readonly time: number; readonly loss: number };
  readonly end: { readonly time: number; readonly loss: number };
  readonly text: string;
}

/** lr * steps of the continued run: by then the published outputs are as good as zero. */
const END = 40;
const STEPS = 20_000;

/**
 * Runs a tutorial preset on, in f64. With a small enough rate only lr * steps matters, so a few larger steps show what
 * millions of the published ones would.
 */
export async function continueTutorial(name: string): Promise<TutorialStory> {
  const preset = trainingPresets[name]!;
  const lr = END / STEPS;
  const trainer = await createTrainer(referenceBackend("f64"), {
    model: preset.model,
    data: tutorialData(),
    batch: "full",
    optimizer: { type: "sgd", lr },
    seed: preset.seed,
    init: preset.init!,
  });
  const steps = "steps" in preset.length ? preset.length.steps : 0;
  const printedTime = preset.optimizer.lr * steps;
  let printed = { time: 0, loss: Number.NaN };
  let minimum = { time: 0, loss: Number.POSITIVE_INFINITY };
  let end = minimum;
  for await (const { step, loss } of trainer.run({ steps: STEPS })) {
    const time = (step - 1) * lr;
    end = { time, loss };
    if (loss < minimum.loss) minimum = end;
    if (time <= printedTime + lr / 2) printed = end;
  }
  trainer.dispose();
  const climbs = end.loss > 2 * minimum.loss;
  const at = (p: { time: number; loss: number }) => `${p.loss.toPrecision(3)} at lr * steps = ${p.time.toPrecision(2)}`;
  const text = climbs
    ? `Continued: the loss is ${at(printed)}, where the text stops printing; it passes a minimum of ${at(minimum)} and climbs to ${at(end)}, as the outputs go to zero.`
    : `Continued: the loss is ${at(printed)}, where the text stops printing, and goes on down to ${at(end)}.`;
  return { printed, minimum, end, text };
}
