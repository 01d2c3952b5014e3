import type { CaseInput, OpCase, Proof } from "../../graph/op.ts";
import { someCounted } from "./counted-cases.ts";
import type { HeadLossAttrs } from "./head-loss.ts";

/** Every sixth from the second on, and the last, are those of halves too: their chunks are whole multiples of 128 rows. */
export const headLoss: Pick<Proof<HeadLossAttrs>, "cases"> = {
  cases: [
    headCase(5, 3, 4, { turned: true }),
    headCase(64, 7, 9, { biased: true, rows: 128 }),
    headCase(130, 8, 33, { turned: true, smoothing: 0.1 }),
    headCase(200, 6, 200, { smoothing: 0.2 }),
    headCase(300, 16, 21, { turned: true, rows: 128 }),
    headCase(130, 8, 33, { turned: true, without: ["weight"] }),
    headCase(200, 5, 12, { biased: true, smoothing: 0.1 }),
    headCase(300, 16, 21, { biased: true, rows: 128 }),
    headCase(130, 8, 20, { turned: true, biased: true }),
    headCase(70, 4, 6, { biased: true, without: ["x", "weight"] }),
    headCase(150, 12, 20, { turned: true, rows: 128, without: ["x"] }),
  ],
};

/** Rows of one chunk, of a whole number of them, and of some more; labels that do not count among them. */
function headCase(
  n: number,
  size: number,
  classes: number,
  { turned = false, smoothing = 0, rows = 64, ...more }: Partial<HeadLossAttrs>,
): OpCase<HeadLossAttrs> {
  const { biased = false, without = [] } = more;
  const f32 = (shape: readonly number[], more: Partial<CaseInput> = {}): CaseInput => ({
    shape,
    dtype: "f32",
    ...more,
  });
  const words = [
    `${n}x${size} to ${classes}`,
    ...(turned ? ["turned"] : []),
    ...(biased ? ["biased"] : []),
    `${rows} at once`,
    ...without.map((operand) => `no d ${operand}`),
  ];
  return {
    name: words.join(", "),
    inputs: [
      f32([n, size]),
      f32(turned ? [classes, size] : [size, classes]),
      someCounted(n, classes),
      f32([1], { fill: [1.25] }),
      f32([classes], { fill: "positive", scale: 3 }),
      f32([2], { fill: [1.5 * n, 1.5 * classes] }),
      ...(biased ? [f32([classes], { scale: 2 })] : []),
    ],
    attrs: { turned, rows, smoothing, ...more },
  };
}
