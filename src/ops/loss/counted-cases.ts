import type { CaseInput } from "../../graph/op.ts";

/** Labels of which every third is negative: as ignored targets are, and as PyTorch writes them. */
export function someCounted(M: number, N: number): CaseInput {
  const label = (i: number): number => (i % 3 === 1 ? [-1, -100][i % 2]! : (7 * i) % N);
  return { shape: [M], dtype: "i32", fill: Array.from({ length: M }, (_, i) => label(i)) };
}
