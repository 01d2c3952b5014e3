/** Places in `control`, the f32 numbers of a step: see src/optim/control.ts. */
export const CONTROL = { lr: 0, gate: 1, clip: 2, norm: 3, correction1: 4, correction2: 5, scale: 6, good: 7 } as const;
export const CONTROL_SIZE = 8;
/** Between these the scale of a loss that finds its own value stays. Beyond the largest, sums of squares would leave f32. */
export const LEAST_SCALE = 2 ** -24;
export const LARGEST_SCALE = 2 ** 24;
