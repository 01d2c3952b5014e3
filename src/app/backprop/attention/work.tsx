import { short } from "../../draw/format.ts";
import { isHidden } from "../../worker/attention-sizes.ts";
import type { AttentionStory } from "../../worker/attention-story.ts";
import { keyOf } from "../film/cells.tsx";
import { RATE } from "../film/numbers.ts";
import { Sign, sumOf, type Work } from "../film/products.tsx";
import { I, Lines, N, O, Plain, Slope, Sub } from "../math.tsx";
import { type Cell, type Frame, isProjection, type MapName, mapOf, showsDeltas } from "./frames.ts";
import { say } from "./strings.ts";
import {
  keyDeltaTerms,
  meanDeltaTerms,
  outputTerms,
  projectedTerms,
  projectionDeltaTerms,
  projectionOf,
  queryDeltaTerms,
  scoreTerms,
  softmaxParts,
  stepDeltaTerms,
  valueDeltaTerms,
  weightDeltaTerms,
} from "./terms.ts";

const lines = (rows: Parameters<typeof Lines>[0]["rows"], cells: readonly Cell[]): Work => ({
  view: <Lines rows={rows} />,
  lit: cells.map(keyOf),
});
const end = (v: number) => ["", <Plain key="v" v={v} />] as const;
const all = (s: AttentionStory, map: MapName): readonly Cell[] =>
  mapOf(s, map).values.map((_, index) => ({ map, index }));

/** e to the difference from the largest score, over the sum of all such. */
function softmaxWork(s: AttentionStory, index: number): Work {
  const { top, powers, sum } = softmaxParts(s);
  const power = (v: number) => (
    <msup>
      <I>e</I>
      <mrow>
        <Plain v={v} />
        <O>−</O>
        <N v={top} />
      </mrow>
    </msup>
  );
  const weight = <Sub key="p" base="p" sub={<mn>{index + 1}</mn>} />;
  const cells = all(s, "scores").filter((c) => !isHidden(s, c.index));
  if (isHidden(s, index)) return lines([[weight, <mn key="0">0</mn>]], []);
  const fraction = (
    <mfrac key="f">
      {power(s.scores.values[index]!)}
      <mrow>
        {cells.map((c, i) => (
          <mrow key={c.index}>
            {i > 0 && <O>+</O>}
            {power(s.scores.values[c.index]!)}
          </mrow>
        ))}
      </mrow>
    </mfrac>
  );
  const numbers = (
    <mfrac key="n">
      <Plain v={powers[index]!} />
      <Plain v={sum} />
    </mfrac>
  );
  return lines([[weight, fraction], ["", numbers], end(s.weights.values[index]!)], cells);
}

function maskWork(s: AttentionStory, index: number): Work {
  const score = <Sub key="s" base="s" sub={<mn>{index + 1}</mn>} />;
  const shown = isHidden(s, index) ? Number.NEGATIVE_INFINITY : s.scores.values[index]!;
  return lines([[score, <Plain key="v" v={shown} />]], []);
}

function lossWork(s: AttentionStory): Work {
  const difference = (i: number) => (
    <msup>
      <mrow>
        <O>(</O>
        <Plain v={s.output.values[i]!} />
        <O>−</O>
        <N v={s.target[i]!} />
        <O>)</O>
      </mrow>
      <mn>2</mn>
    </msup>
  );
  const sum = (
    <mrow key="s">
      {s.target.map((_, i) => (
        <mrow key={i}>
          {i > 0 && <O>+</O>}
          {difference(i)}
        </mrow>
      ))}
    </mrow>
  );
  return lines([[<I key="l">L</I>, sum], end(s.loss)], [...all(s, "output"), ...all(s, "target")]);
}

/** Where a value comes from. */
function forwardWork(s: AttentionStory, frame: Frame, { map, index }: Cell): Work {
  switch (map) {
    case "q":
    case "k":
    case "v":
      return sumOf(projectedTerms(s, map, index), say("step"), say(`map${projectionOf[map]}`));
    case "scores":
      return frame.phase === "scores" || !isHidden(s, index)
        ? sumOf(scoreTerms(s, index), say("mapq"), say("key"))
        : maskWork(s, index);
    case "weights":
      return softmaxWork(s, index);
    case "output":
      return sumOf(outputTerms(s, index), say("mapweights"), say("mapv"));
    default:
      return lines(
        [[<I key="l">{isProjection(map) ? "w" : map[0]}</I>, <Plain key="v" v={mapOf(s, map).values[index]!} />]],
        [],
      );
  }
}

/** p (dp − sum of p dp): what a score more would give to its own step, less what it would take from all. */
function scoreDeltaWork(s: AttentionStory, index: number): Work {
  const mean = meanDeltaTerms(s);
  const work = sumOf(mean, say("mapweights"), say("deltaWeights"));
  const [p, dp] = [s.weights.values[index]!, s.weights.deltas[index]!];
  return {
    view: (
      <>
        {work.view}
        <Sign>→</Sign>
        <p class="total">
          {short(p)} · ({short(dp)} − {short(mean.total)}) = <b>{short(s.scores.deltas[index]!)}</b>
        </p>
      </>
    ),
    lit: work.lit,
  };
}

/** Where a gradient comes from. */
function backwardWork(s: AttentionStory, { map, index }: Cell): Work {
  switch (map) {
    case "output": {
      const difference = (
        <mrow key="f">
          <mn>2</mn>
          <O>·</O>
          <O>(</O>
          <Plain v={s.output.values[index]!} />
          <O>−</O>
          <N v={s.target[index]!} />
          <O>)</O>
        </mrow>
      );
      return lines([[<I key="d">δ</I>, difference], end(s.output.deltas[index]!)], [{ map: "target", index }]);
    }
    case "v":
      return sumOf(valueDeltaTerms(s, index), say("weight"), say("deltaOutput"));
    case "weights":
      return sumOf(weightDeltaTerms(s, index), say("deltaOutput"), say("value"));
    case "scores":
      return scoreDeltaWork(s, index);
    case "q":
      return sumOf(queryDeltaTerms(s, index), say("deltaScores"), say("mapk"));
    case "k":
      return sumOf(keyDeltaTerms(s, index), say("deltaScores"), say("mapq"));
    case "wq":
      return sumOf(projectionDeltaTerms(s, "q", index), say("step"), say("deltaOf", { of: "q" }));
    case "wk":
      return sumOf(projectionDeltaTerms(s, "k", index), say("mapx"), say("deltaOf", { of: "k" }));
    case "wv":
      return sumOf(projectionDeltaTerms(s, "v", index), say("mapx"), say("deltaOf", { of: "v" }));
    case "x":
      return sumOf(stepDeltaTerms(s, index), say("deltaOf", { of: "q, k, v" }), say("threeMatrices"));
    case "target":
      return lines([[<I key="t">t</I>, <Plain key="v" v={s.target[index]!} />]], []);
  }
}

function updateWork(s: AttentionStory, { map, index }: Cell): Work {
  const { values, deltas } = mapOf(s, map);
  const [w, gradient] = [values[index]!, deltas[index]!];
  const formula = (
    <mrow key="u">
      <I>w</I>
      <O>−</O>
      <I>η</I>
      <O>·</O>
      <Slope top={<I>L</I>} of={<I>w</I>} />
    </mrow>
  );
  const numbers = (
    <mrow key="n">
      <Plain v={w} />
      <O>−</O>
      <Plain v={RATE} />
      <O>·</O>
      <N v={gradient} />
    </mrow>
  );
  return lines([[<I key="w">w</I>, formula], ["", numbers], end(w - RATE * gradient)], []);
}

/** What there is to tell of a cell at a picture; of the picture's own cell where `about` is that one. */
export function workOf(s: AttentionStory, frame: Frame, about: Cell): Work {
  const own = about === frame.cell;
  if (own && frame.phase === "loss") return lossWork(s);
  if (own && frame.phase === "mask") return maskWork(s, about.index);
  if (frame.phase === "update" && isProjection(about.map)) return updateWork(s, about);
  return showsDeltas(frame, about.map) ? backwardWork(s, about) : forwardWork(s, frame, about);
}
