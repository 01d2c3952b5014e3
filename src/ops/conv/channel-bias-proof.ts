import { sizeOf } from "../../core/ndarray.ts";
import type { Proof } from "../../graph/op.ts";
import { boundLike, errorAt, gamma, TINY, U } from "../shared/rounding.ts";

const shapes: readonly (readonly number[])[] = [
  [1, 1],
  [3, 7],
  [2, 3, 5],
  [4, 5, 3, 7],
  [1, 9, 1, 1],
  [3, 66, 4],
  [130, 3, 2, 2],
  [2, 2, 17, 19],
  [11, 2, 21, 36],
];

export const addChannelBias: Proof<null> = {
  bound([x, b], [ex, eb], [y]) {
    const places = sizeOf(x!.shape.slice(2));
    const out = boundLike(y!);
    for (let i = 0; i < out.data.length; i++) {
      const channel = Math.floor(i / places) % b!.data.length;
      out.data[i] = errorAt(ex, i) + errorAt(eb, channel) + 2 * U * Math.abs(y!.data[i]!) + TINY;
    }
    return [out];
  },
  cases: shapes.map((shape) => ({
    name: shape.join("x"),
    inputs: [
      { shape, dtype: "f32" as const },
      { shape: [shape[1]!], dtype: "f32" as const },
    ],
    attrs: null,
  })),
};

export const sumChannels: Proof<null> = {
  bound([dy], [edy], [db]) {
    const [n, c] = dy!.shape as readonly [number, number];
    const places = sizeOf(dy!.shape.slice(2));
    const terms = n * places;
    const out = boundLike(db!);
    for (let channel = 0; channel < c; channel++) {
      let sum = 0;
      let carried = 0;
      for (let i = 0; i < dy!.data.length; i++) {
        if (Math.floor(i / places) % c !== channel) continue;
        sum += Math.abs(dy!.data[i]!);
        carried += errorAt(edy, i);
      }
      out.data[channel] = carried + gamma(terms + 1) * (sum + carried) + terms * TINY;
    }
    return [out];
  },
  cases: shapes.map((shape) => ({
    name: shape.join("x"),
    inputs: [{ shape, dtype: "f32" as const }],
    attrs: null,
  })),
};
