import { finiteTests } from "../../../shaders/common.ts";
import { MAX_PARTIALS, REDUCE_WORKGROUP } from "../../../shaders/reduce.ts";
import {
  gradientStatsParams,
  STATS_STRETCH,
  gradientStatsAlone as statsAlone,
  gradientStats as statsCode,
  withMark,
  withSquare,
} from "../../../shaders/step/step.ts";
import { sizeOf } from "../../core/ndarray.ts";
import { index } from "../../graph/chip.ts";
import type { Op } from "../../graph/op.ts";
import { input, output } from "../shared/dispatch-plan.ts";
import { floatLike } from "../shared/rounding.ts";
import { call, partsOf } from "../shared/wasm-plan.ts";

export const groupsOf = (size: number): number => Math.min(MAX_PARTIALS, Math.ceil(size / STATS_STRETCH));

/** stats [groups, 2] of a flat gradient: partial sums of squares; and how many parts hold NaN or infinity. */
export const gradientStats: Op<null> = {
  name: "gradientStats",
  infer: ([g]) => [{ shape: [groupsOf(sizeOf(g!.shape)), 2], dtype: "f32" }],
  reference([g]) {
    const groups = groupsOf(g!.data.length);
    const stats = floatLike(g!, [groups, 2]);
    const sums = new Float64Array(groups);
    for (let i = 0; i < g!.data.length; i++) {
      const group = Math.floor(i / STATS_STRETCH) % groups;
      const v = g!.data[i]!;
      if (Number.isFinite(v)) sums[group]! += v * v;
      else stats.data[group * 2 + 1] = 1;
    }
    for (let k = 0; k < groups; k++) stats.data[k * 2] = sums[k]!;
    return [stats];
  },
  wasm([g]) {
    const size = sizeOf(g!.shape);
    const groups = groupsOf(size);
    const parts = Math.min(groups, partsOf(size));
    return call("gradientStats", [input(0), output(0), size, groups, STATS_STRETCH], parts);
  },
  gradient: "none",
  onChip(w, [g], [stats]) {
    w.declare(finiteTests);
    const size = sizeOf(g!.shape);
    const groups = groupsOf(size);
    if (groups === 1) {
      const squares = w.total(g!.ranges, (i, sum) => w.add(`${sum} = ${withSquare(sum, g!.at(i))};`, 2));
      const broken = w.total(g!.ranges, (i, bad) => w.add(`${bad} = ${withMark(bad, g!.at(i))};`, 2));
      w.once(() => w.add(`${stats!.at(0)} = ${squares}; ${stats!.at(1)} = min(${broken}, 1.0);`));
      return;
    }
    // A group an invocation, and nothing to be waited for.
    w.each(groups, (group) => {
      w.add("var sum = 0.0; var bad = 0.0;");
      w.loop(0, Math.ceil(size / (groups * STATS_STRETCH)), (turn) => {
        const first = w.name(index.times(index.plus(index.times(turn, groups), group), STATS_STRETCH));
        w.loop(0, STATS_STRETCH, (k) => {
          const i = w.name(index.plus(first, k));
          if (typeof i === "number" && i >= size) return;
          const value =
            typeof i === "number" ? g!.at(i) : `select(0.0, ${g!.at(`min(${i}, ${size - 1}u)`)}, ${i} < ${size}u)`;
          w.add(`let value = ${value}; sum = ${withSquare("sum", "value")}; bad = ${withMark("bad", "value")};`, 4);
        });
      });
      w.add(`${stats!.at(index.times(group, 2))} = sum; ${stats!.at(index.plus(index.times(group, 2), 1))} = bad;`);
    });
  },
  kernels: [
    {
      name: "gradientStats/partials",
      plan([g]) {
        const size = sizeOf(g!.shape);
        const groups = groupsOf(size);
        const params = gradientStatsParams.pack({ size, stride: groups * STATS_STRETCH });
        return {
          launches: [
            { code: statsCode(size % 4 === 0), params, bindings: [input(0), output(0)], workgroups: [groups, 1, 1] },
          ],
        };
      },
    },
    {
      name: "gradientStats/alone",
      suits: (_inputs, _attrs, caps) => caps.onCpu,
      plan([g]) {
        const size = sizeOf(g!.shape);
        const groups = groupsOf(size);
        const params = gradientStatsParams.pack({ size, stride: groups * STATS_STRETCH });
        const workgroups = [Math.ceil(groups / REDUCE_WORKGROUP), 1, 1] as const;
        return {
          launches: [{ code: statsAlone(size % 4 === 0), params, bindings: [input(0), output(0)], workgroups }],
        };
      },
    },
  ],
};
