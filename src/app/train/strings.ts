import { lateSpeaker } from "../state/language.ts";

export const en = {
  curves: "Curves",
  loss: "loss",
  raw: "each step",
  trend: "smoothed",
  test: "test",
  all: "all rows",
  accuracy: "accuracy",
  norm: "gradient norm",
  rate: "learning rate",
  step: "step",
  logX: "log steps",
  logY: "log loss",
  smoothing: "smoothing",
  none: "none",
  keep: "Keep this run",
  keepHint: "Keeps this curve beside the runs to come",
  csv: "CSV",
  png: "PNG",
  boundary: "Decision boundary",
  boundaryText: "What the net says of every point of the plane.",
  boundaryLabel: "The plane coloured by the class that the net gives each point, with the training points on it",
  weights: "First layer's weights",
  weightsLabel: "The weights of the first layer: blue below zero, orange above",
  weightsUnits: "One picture a unit: which pixels speak for it (orange) and against it (blue). Full colour is ±{most}.",
  weightsMatrix: "A row an input, a column a unit. Full colour is ±{most}.",
  confusion: "Confusion matrix",
  confusionOn: "Who is taken for whom, of the {on} rows: a row is what it is, a column what the net says.",
  testRows: "test",
  trainRows: "training",
  is: "is",
  mistakes: "Worst mistakes",
  noMistakes: "No mistake on these rows.",
  mistake: "{label}, taken for {said} ({sure})",
} as const;

export type TrainKey = keyof typeof en;

export const say = lateSpeaker<TrainKey>(en, async () => (await import("./strings-zh.ts")).zh);
