/** Invocations of a quad (WGSL's subgroups). */
export const QUAD = 4;

/**
 * What the invocation of a quad has that is so far away, its place with bits of the distance turned over. On an adapter on a
 * CPU a swap is one instruction where a broadcast is twenty. So what a quad shares is taken in an order of each invocation's
 * own: what came from distance d is that of place `place ^ d`.
 */
export const fromQuad: readonly ((value: string) => string)[] = [
  (value) => value,
  (value) => `quadSwapX(${value})`,
  (value) => `quadSwapY(${value})`,
  (value) => `quadSwapDiagonal(${value})`,
];
