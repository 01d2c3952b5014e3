import type { Story } from "../worker/story.ts";
import type { Focus, Frame } from "./frames.ts";
import { lossRows, outputDelta } from "./loss-formulas.tsx";
import { I, Lines, N, O, Plain, Slope, Sub, Sum, Terms } from "./math.tsx";
import { delta, num, type Rows, value, weight } from "./symbols.tsx";

function forwardRows(story: Story, { layer, node }: Focus): Rows {
  const l = story.layers[layer]!;
  const before = story.layers[layer - 1];
  const left = value(story, layer, num(node));
  if (!before) return [[left, <Plain key="v" v={l.values[node]!} />]];
  if (l.mixes) {
    const whole = (
      <mrow key="f">
        <I>{l.type}</I>
        <O>(</O>
        {value(story, layer - 1, <O>⋯</O>)}
        <O>)</O>
      </mrow>
    );
    return [
      [left, whole],
      ["", <Plain key="v" v={l.values[node]!} />],
    ];
  }
  if (!l.linear) {
    const argument = l.values.length === before.values.length ? before.values[node]! : Number.NaN;
    return [
      [
        left,
        <mrow key="f">
          <I>{l.type}</I>
          <O>(</O>
          {value(story, layer - 1, num(node))}
          <O>)</O>
        </mrow>,
      ],
      [
        "",
        <mrow key="n">
          <I>{l.type}</I>
          <O>(</O>
          <Plain v={argument} />
          <O>)</O>
        </mrow>,
      ],
      ["", <Plain key="v" v={l.values[node]!} />],
    ];
  }
  const { weights, bias } = l.linear;
  const units = l.values.length;
  const pairs = before.values.map((x, i) => [x, weights[i * units + node]!] as const);
  return [
    [
      left,
      <mrow key="f">
        <Sum over="i">
          {value(story, layer - 1, <I>i</I>)}
          <O>·</O>
          {weight(<I>i</I>, num(node))}
        </Sum>
        {bias && (
          <mrow>
            <O>+</O>
            <Sub base="b" sub={num(node)} />
          </mrow>
        )}
      </mrow>,
    ],
    [
      "",
      <mrow key="n">
        <Terms pairs={pairs} />
        {bias && (
          <mrow>
            <O>+</O>
            <N v={bias[node]!} />
          </mrow>
        )}
      </mrow>,
    ],
    ["", <Plain key="v" v={l.values[node]!} />],
  ];
}

function backwardRows(story: Story, { layer, node }: Focus): Rows {
  const d = story.layers[layer]!.deltas?.[node];
  if (d === undefined) return forwardRows(story, { layer, node, from: null });
  const left = delta(layer, num(node));
  const behind = story.layers[layer + 1];
  if (!behind) return outputDelta(story, node, left, d);
  const end = ["", <Plain key="v" v={d} />] as const;
  if (behind.mixes) return [[left, <Plain key="v" v={d} />]];
  if (behind.linear) {
    const units = behind.values.length;
    const pairs = Array.from(
      { length: units },
      (_, j) => [behind.deltas?.[j] ?? 0, behind.linear!.weights[node * units + j]!] as const,
    );
    return [
      [
        left,
        <Sum key="f" over="j">
          {delta(layer + 1, <I>j</I>)}
          <O>·</O>
          {weight(num(node), <I>j</I>)}
        </Sum>,
      ],
      ["", <Terms key="n" pairs={pairs} />],
      end,
    ];
  }
  const dy = behind.deltas?.[node] ?? 0;
  const y = behind.values[node]!;
  const slope =
    behind.type === "tanh" ? (
      <mrow>
        <O>(</O>
        <mn>1</mn>
        <O>−</O>
        <msup>
          <mrow>
            <N v={y} />
          </mrow>
          <mn>2</mn>
        </msup>
        <O>)</O>
      </mrow>
    ) : behind.type === "sigmoid" ? (
      <mrow>
        <N v={y} />
        <O>·</O>
        <O>(</O>
        <mn>1</mn>
        <O>−</O>
        <N v={y} />
        <O>)</O>
      </mrow>
    ) : (
      <N v={dy === 0 ? 0 : d / dy} />
    );
  return [
    [
      left,
      <mrow key="f">
        {delta(layer + 1, num(node))}
        <O>·</O>
        <msup>
          <I>{behind.type}</I>
          <O>′</O>
        </msup>
        <O>(</O>
        {value(story, layer, num(node))}
        <O>)</O>
      </mrow>,
    ],
    [
      "",
      <mrow key="n">
        <N v={dy} />
        <O>·</O>
        {slope}
      </mrow>,
    ],
    end,
  ];
}

function edgeRows(story: Story, { layer, node, from }: Focus, update: boolean): Rows {
  const l = story.layers[layer]!;
  const linear = l.linear!;
  const i = from ?? 0;
  const at = i * l.values.length + node;
  const w = weight(num(i), num(node));
  const rows: Rows = [
    [
      <Slope key="s" top={<I>L</I>} of={w} />,
      <mrow key="f">
        {value(story, layer - 1, num(i))}
        <O>·</O>
        {delta(layer, num(node))}
      </mrow>,
    ],
    [
      "",
      <mrow key="n">
        <N v={story.layers[layer - 1]!.values[i]!} />
        <O>·</O>
        <N v={l.deltas?.[node] ?? 0} />
      </mrow>,
    ],
    ["", <Plain key="v" v={linear.dWeights[at]!} />],
  ];
  if (linear.dBias) {
    rows.push([
      <Slope key="b" top={<I>L</I>} of={<Sub base="b" sub={num(node)} />} />,
      <mrow key="d">
        {delta(layer, num(node))}
        <O>=</O>
        <Plain v={linear.dBias[node]!} />
      </mrow>,
    ]);
  }
  if (!update) return rows;
  const next = linear.weights[at]! - story.rate * linear.dWeights[at]!;
  return [
    [
      w,
      <mrow key="u">
        {w}
        <O>−</O>
        <I>η</I>
        <O>·</O>
        <Slope top={<I>L</I>} of={w} />
      </mrow>,
    ],
    [
      "",
      <mrow key="n">
        <Plain v={linear.weights[at]!} />
        <O>−</O>
        <Plain v={story.rate} />
        <O>·</O>
        <N v={linear.dWeights[at]!} />
      </mrow>,
    ],
    ["", <Plain key="v" v={next} />],
  ];
}

/** The formula of what is looked at, at this picture of the film, with the net's numbers in it. */
export function Formula({ story, frame, focus }: { story: Story; frame: Frame; focus: Focus }) {
  const { phase } = frame;
  if (focus.from !== null && story.layers[focus.layer]?.linear) {
    return <Lines rows={edgeRows(story, focus, phase === "update")} />;
  }
  if (phase === "loss" && focus === frame.focus) return <Lines rows={lossRows(story)} />;
  if (phase === "forward" || phase === "loss") return <Lines rows={forwardRows(story, focus)} />;
  return <Lines rows={backwardRows(story, focus)} />;
}
