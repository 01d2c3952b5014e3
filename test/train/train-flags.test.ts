import { expect, test } from "vitest";
import { trainPlan } from "../../src/cli/train-plan.ts";

const iris = ["iris", "--steps", "100"];

test("flags become the run's options", async () => {
  const flags = [
    ...["--validate-every", "20", "--patience", "2", "--monitor", "accuracy", "--ema", "0.99", "--use", "last"],
    ...["--group", "0.*:lr=0", "--group", "bias,norm:weight-decay=0,lr=0.5", "--accumulate", "3", "--l1", "0.1"],
    ...["--class-weights", "1,2,3", "--label-smoothing", "0.2", "--schedule", "exponential:end=0.001"],
  ];
  expect(await trainPlan([...iris, ...flags])).toMatchObject({
    validateEvery: 20,
    stopEarly: { patience: 2, monitor: "accuracy" },
    use: "last",
    trainer: {
      model: { classWeights: [1, 2, 3], labelSmoothing: 0.2 },
      ema: { decay: 0.99 },
      groups: [
        { match: ["0.*"], lr: 0 },
        { match: ["bias", "norm"], weightDecay: 0, lr: 0.5 },
      ],
      accumulate: 3,
      penalty: { l1: 0.1 },
      schedule: { type: "exponential", steps: 100, end: 0.001 },
    },
  });
  // An epoch is as many steps fewer as a step has batches: 120 rows, 2 batches of 16.
  expect((await trainPlan(["iris", "--epochs", "3", "--accumulate", "2"]))?.steps).toBe(12);
  expect(await trainPlan(iris)).toMatchObject({ use: "last", stopEarly: undefined, validateEvery: undefined });
  expect(await trainPlan([...iris, "--ema", "0.9"])).toMatchObject({ use: "average" });
});

test.each([
  [["xor", "--patience", "2"], /--validate-every and --patience need rows to validate on/],
  [[...iris, "--patience", "0"], /--patience must be a whole number from 1 up, got "0"/],
  [[...iris, "--min-delta", "1"], /--min-delta and --monitor are for early stopping/],
  [[...iris, "--use", "average"], /--use average needs --ema/],
  [[...iris, "--ema", "1"], /--ema must be at least 0 and below 1, got 1/],
  [[...iris, "--group", "bias"], /--group takes match:lr=X,weight-decay=X, one or both, got "bias"/],
  [[...iris, "--group", "bias:rate=1"], /--group takes match:lr=X/],
  [[...iris, "--group", "9.*:lr=0"], /"9.\*" matches no parameter/],
  [[...iris, "--accumulate", "2", "--batch", "full"], /--accumulate needs --batch <N>/],
  [[...iris, "--l1", "-1"], /penalty: l1 must be at least 0, got -1/],
  [[...iris, "--class-weights", "1,2"], /"classWeights" must be a list of 3 numbers/],
  [[...iris, "--label-smoothing", "1"], /"labelSmoothing" must be at least 0 and below 1/],
  [["xor", "--class-weights", "balanced"], /are for the loss crossEntropy, this model has bce/],
  [[...iris, "--schedule", "exponential"], /say where it ends, end=NUMBER/],
  [[...iris, "--schedule", "exponential:end=-1"], /end must be a positive number, got -1/],
])("%j is refused", async (args, message) => {
  await expect(trainPlan(args)).rejects.toThrow(message);
});
