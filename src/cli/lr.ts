import { short } from "../core/format.ts";
import { findLearningRate, type LearningRateCurve } from "../train/find-learning-rate.ts";
import { openBackend } from "./backend.ts";
import { sayData } from "./data-summary.ts";
import { print, table } from "./output.ts";
import { planOf, trainOptions } from "./train-plan.ts";
import { countFlag, numberFlag, parse } from "./usage.ts";

const help = `Usage: chainrule lr <model.json|preset> [options]

Finds a learning rate: trains while the rate grows by the same factor every step, and says where the loss
falls fastest. Nothing is saved. Takes what decides a run as train does (--data --label --test-fraction
--weights --init --batch --optimizer --momentum --weight-decay --clip --seed --backend ...), and

  --from <X>    first rate (default 1e-6)
  --to <X>      last rate (default 10); the ramp ends sooner where the loss runs away
  --steps <N>   steps of the ramp (default 200)
  --json        the whole curve as JSON`;

const options = { ...trainOptions, from: { type: "string" }, to: { type: "string" } } as const;

/** Lines of the picture, and characters of its longest bar. */
const LINES = 24;
const BAR = 40;

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options, [1, 1]);
  if (values.help) {
    print(help);
    return 0;
  }
  const from = numberFlag("from", values.from);
  const to = numberFlag("to", values.to);
  const steps = countFlag("steps", values.steps, 10);
  const plan = await planOf(values, positionals[0]!);
  sayData(plan.summary);
  const backend = await openBackend(plan.backend);
  const found = await findLearningRate(backend, plan.trainer, {
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(steps === undefined ? {} : { steps }),
  });
  backend.dispose();
  print(values.json ? JSON.stringify({ model: positionals[0], ...found }) : curveText(found));
  return 0;
}

function curveText({ points, suggestion, least, diverged }: LearningRateCurve): string {
  const every = Math.max(1, Math.ceil(points.length / LINES));
  const shown = points.filter((p, i) => i % every === 0 || p.learningRate === suggestion || i === points.length - 1);
  const most = Math.max(...shown.map((p) => p.smoothed));
  const mark = (rate: number): string => (rate === suggestion ? "  steepest" : rate === least ? "  least" : "");
  const rows = shown.map((p) => [
    p.learningRate.toExponential(2),
    short(p.loss),
    short(p.smoothed),
    `${"#".repeat(Math.round((BAR * p.smoothed) / most))}${mark(p.learningRate)}`.padEnd(BAR + 10),
  ]);
  const end = diverged ? "then the loss ran away" : "the loss did not run away";
  const last = points.at(-1)!.learningRate;
  const advice =
    suggestion === null
      ? "the loss falls nowhere on this ramp: look at the data, or ramp elsewhere with --from and --to"
      : `the loss falls fastest at a rate of ${suggestion.toExponential(2)}: --lr ${suggestion.toPrecision(2)}; it is least at ${least.toExponential(2)}, more is too much`;
  return `${table(["rate", "loss", "smoothed", ""], rows)}\n\nup to ${last.toExponential(2)}, ${end}\n${advice}`;
}
