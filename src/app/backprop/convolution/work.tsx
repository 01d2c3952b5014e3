import type { ConvStory } from "../../worker/conv-story.ts";
import { keyOf } from "../film/cells.tsx";
import { RATE } from "../film/numbers.ts";
import { sumOf, type Work } from "../film/products.tsx";
import { say as words } from "../film/strings.ts";
import { I, Lines, N, O, Plain, Slope, Sub } from "../math.tsx";
import { type Cell, type Frame, mapOf, showsDeltas, windowOf, winnerOf } from "./frames.ts";
import { shareOf } from "./products.tsx";
import { say } from "./strings.ts";
import { inputDeltaTerms, kernelDeltaTerms, outputTerms, poolDeltaTerms, pooledCells, windowTerms } from "./terms.ts";

const lines = (rows: Parameters<typeof Lines>[0]["rows"], cells: readonly Cell[]): Work => ({
  view: <Lines rows={rows} />,
  lit: cells.map(keyOf),
});
const end = (v: number) => ["", <Plain key="v" v={v} />] as const;
const list = (values: readonly number[]) =>
  values.map((v, i) => (
    <mrow key={i}>
      {i > 0 && <O>,</O>}
      <Plain v={v} />
    </mrow>
  ));

function largestOf(numbers: readonly number[]) {
  return (
    <mrow>
      <I>max</I>
      <O>(</O>
      {list(numbers)}
      <O>)</O>
    </mrow>
  );
}

/** Where a value comes from. */
function forwardWork(s: ConvStory, { map, index }: Cell): Work {
  const value = mapOf(s, map).values[index]!;
  switch (map) {
    case "conv":
      return sumOf(windowTerms(s, index), say("window"), say("kernel"), true);
    case "relu": {
      const argument = s.conv.values[index]!;
      return lines([[<I key="a">a</I>, largestOf([0, argument])], end(value)], [{ map: "conv", index }]);
    }
    case "pool": {
      const cells = pooledCells(s, index);
      return lines([[<I key="m">m</I>, largestOf(cells.map((c) => s.relu.values[c.index]!))], end(value)], cells);
    }
    case "outputs":
      return sumOf(outputTerms(s, index), say("mappool"), words("weights"), true);
    default:
      return lines([[<I key="l">{map === "input" ? "x" : "w"}</I>, <Plain key="v" v={value} />]], []);
  }
}

/** Probabilities of the classes: an output's gradient is its own, less 1 for the right class. */
const chances = (s: ConvStory): readonly number[] => s.outputs.deltas.map((d, j) => d + (j === s.label ? 1 : 0));

function lossWork(s: ConvStory): Work {
  const rows = [
    [
      <Sub key="p" base="p" sub={<I>j</I>} />,
      <mrow key="s">
        <I>softmax</I>
        <O>(</O>
        {list(s.outputs.values)}
        <O>)</O>
      </mrow>,
    ],
    [
      "",
      <mrow key="p">
        <O>(</O>
        {list(chances(s))}
        <O>)</O>
      </mrow>,
    ],
    [
      <I key="l">L</I>,
      <mrow key="log">
        <O>−</O>
        <I>log</I>
        <O>(</O>
        <Plain v={chances(s)[s.label]!} />
        <O>)</O>
      </mrow>,
    ],
    end(s.loss),
  ] as const;
  return lines(
    rows,
    s.outputs.values.map((_, index) => ({ map: "outputs", index })),
  );
}

/** Where a gradient comes from. */
function backwardWork(s: ConvStory, { map, index }: Cell): Work {
  const delta = <I key="d">δ</I>;
  const value = mapOf(s, map).deltas[index]!;
  switch (map) {
    case "outputs": {
      const right = index === s.label ? 1 : 0;
      const difference = (
        <mrow key="f">
          <Plain v={value + right} />
          <O>−</O>
          <Plain v={right} />
        </mrow>
      );
      return lines([[delta, difference], end(value)], []);
    }
    case "pool":
      return sumOf(poolDeltaTerms(s, index), say("deltas"), words("weights"));
    case "relu": {
      const window = windowOf(s, index);
      const won = window !== null && winnerOf(s, window) === index;
      const cells: Cell[] = window === null ? [] : [{ map: "pool", index: window }];
      return lines([[delta, <Plain key="v" v={won ? s.pool.deltas[window]! : 0} />]], cells);
    }
    case "conv": {
      const product = (
        <mrow key="f">
          <N v={s.relu.deltas[index]!} />
          <O>·</O>
          <mn>{s.conv.values[index]! > 0 ? 1 : 0}</mn>
        </mrow>
      );
      return lines([[delta, product], end(value)], [{ map: "relu", index }]);
    }
    case "kernels":
      return sumOf(kernelDeltaTerms(s, index), say("window"), say("deltas"));
    case "input":
      return sumOf(inputDeltaTerms(s, index), say("deltas"), say("turned"));
  }
}

function updateWork(s: ConvStory, index: number): Work {
  const [w, gradient] = [s.parameters.kernels[index]!, s.gradients.kernels[index]!];
  const weight = <I key="w">w</I>;
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
  return lines([[weight, formula], ["", numbers], end(w - RATE * gradient)], []);
}

/** What there is to tell of a cell at a picture; of the picture's own cell where `about` is that one. */
export function workOf(s: ConvStory, frame: Frame, about: Cell): Work {
  const own = about === frame.cell;
  if (own && frame.phase === "loss") return lossWork(s);
  if (own && frame.phase === "kernel") return shareOf(s, about.index);
  // The pool's gradient is handed down to the place that won.
  if (own && frame.phase === "atRelu") {
    const winner: Cell = { map: "relu", index: winnerOf(s, about.index) };
    return { ...backwardWork(s, winner), lit: [keyOf(winner)] };
  }
  if (frame.phase === "update" && about.map === "kernels") return updateWork(s, about.index);
  return showsDeltas(frame, about.map) ? backwardWork(s, about) : forwardWork(s, about);
}
