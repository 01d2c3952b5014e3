/** Names by which model files and settings choose ops: apart from the ops, so that a page can read a link without them. */
export const activationNames = [
  "relu",
  "relu6",
  "leakyRelu",
  "elu",
  "selu",
  "sigmoid",
  "tanh",
  "softplus",
  "gelu",
  "silu",
] as const;
export type ActivationName = (typeof activationNames)[number];

export const optimizerNames = ["sgd", "adam", "adamw", "rmsprop", "adagrad"] as const;
export type OptimizerName = (typeof optimizerNames)[number];
