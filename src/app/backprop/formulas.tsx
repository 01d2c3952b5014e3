import type { ComponentChildren } from "preact";
import type { Story } from "../worker/story.ts";
import type { Focus, Frame } from "./frames.ts";
import { I, Lines, N, O, Plain, Slope, Sub, Sum, Terms } from "./math.tsx";

type Rows = (readonly [ComponentChildren, ComponentChildren])[];

/** How each value is written: x for the inputs, z for a linear layer's outputs, y for an activation's. */
function letter(story: Story, layer: number): string {
  const { type } = story.layers[layer]!;
  return type === "input" ? "x" : type === "linear" ? "z" : "y";
}

const value = (story: Story, layer: number, index: ComponentChildren): ComponentChildren => (
  <msubsup>
    <mi>{letter(story, layer)}</mi>
    <mrow>{index}</mrow>
    <mrow>
      <mo>(</mo>
      <mn>{layer}</mn>
      <mo>)</mo>
    </mrow>
  </msubsup>
);
const delta = (layer: number, index: ComponentChildren): ComponentChildren => (
  <msubsup>
    <mi>δ</mi>
    <mrow>{index}</mrow>
    <mrow>
      <mo>(</mo>
      <mn>{layer}</mn>
      <mo>)</mo>
    </mrow>
  </msubsup>
);
const num = (n: number): ComponentChildren => <mn>{n + 1}</mn>;
const weight = (i: ComponentChildren, j: ComponentChildren): ComponentChildren => (
  <Sub
    base="w"
    sub={
      <>
        {i}
        {j}
      </>
    }
  />
);

function forwardRows(story: Story, { layer, node }: Focus): Rows {
  const l = story.layers[layer]!;
  const before = story.layers[layer - 1];
  const left = value(story, layer, num(node));
  if (!before) return [[left, <Plain key="v" v={l.values[node]!} />]];
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

function lossRows(story: Story): Rows {
  const { name, value: loss, target } = story.loss;
  const outputs = story.layers.at(-1)!.values;
  const p = value(story, story.layers.length - 1, <I>j</I>);
  const t = <Sub base="t" sub={<I>j</I>} />;
  const square = (a: ComponentChildren, b: ComponentChildren) => (
    <msup>
      <mrow>
        <O>(</O>
        {a}
        <O>−</O>
        {b}
        <O>)</O>
      </mrow>
      <mn>2</mn>
    </msup>
  );
  const end = ["", <Plain key="v" v={loss} />] as const;
  if (name === "crossEntropy") {
    const label = target[0]!;
    return [
      [
        <I key="l">L</I>,
        <mrow key="f">
          <I>log</I>
          <Sum over="j">
            <msup>
              <mi>e</mi>
              {p}
            </msup>
          </Sum>
          <O>−</O>
          {value(story, story.layers.length - 1, num(label))}
        </mrow>,
      ],
      [
        "",
        <mrow key="n">
          <I>log</I>
          <O>(</O>
          {outputs.slice(0, 4).map((v, i) => (
            <mrow key={i}>
              {i > 0 && <O>+</O>}
              <msup>
                <mi>e</mi>
                <mrow>
                  <Plain v={v} />
                </mrow>
              </msup>
            </mrow>
          ))}
          {outputs.length > 4 && <O>+ …</O>}
          <O>)</O>
          <O>−</O>
          <N v={outputs[label]!} />
        </mrow>,
      ],
      end,
    ];
  }
  if (name === "bce") {
    return [
      [
        <I key="l">L</I>,
        <mrow key="f">
          <I>max</I>
          <O>(</O>
          <I>z</I>
          <O>,</O>
          <mn>0</mn>
          <O>)</O>
          <O>−</O>
          <I>z</I>
          <O>·</O>
          <I>t</I>
          <O>+</O>
          <I>log</I>
          <O>(</O>
          <mn>1</mn>
          <O>+</O>
          <msup>
            <mi>e</mi>
            <mrow>
              <O>−</O>
              <O>|</O>
              <I>z</I>
              <O>|</O>
            </mrow>
          </msup>
          <O>)</O>
        </mrow>,
      ],
      [
        "",
        <mrow key="n">
          <Plain v={Math.max(outputs[0]!, 0)} />
          <O>−</O>
          <N v={outputs[0]!} />
          <O>·</O>
          <Plain v={target[0]!} />
          <O>+</O>
          <Plain v={Math.log1p(Math.exp(-Math.abs(outputs[0]!)))} />
        </mrow>,
      ],
      end,
    ];
  }
  const mean = name === "mse" || name === "huber";
  return [
    [
      <I key="l">L</I>,
      <mrow key="f">
        {mean && (
          <mrow>
            <mfrac>
              <mn>1</mn>
              <mn>{outputs.length}</mn>
            </mfrac>
          </mrow>
        )}
        <Sum over="j">{square(p, t)}</Sum>
      </mrow>,
    ],
    [
      "",
      <mrow key="n">
        {outputs.slice(0, 4).map((v, i) => (
          <mrow key={i}>
            {i > 0 && <O>+</O>}
            {square(<Plain v={v} />, <N v={target[i]!} />)}
          </mrow>
        ))}
        {outputs.length > 4 && <O>+ …</O>}
      </mrow>,
    ],
    end,
  ];
}

function outputDelta(story: Story, node: number, left: ComponentChildren, d: number): Rows {
  const { name, target } = story.loss;
  const v = story.layers.at(-1)!.values[node]!;
  const z = value(story, story.layers.length - 1, num(node));
  const t = <Sub base="t" sub={num(node)} />;
  const end = ["", <Plain key="v" v={d} />] as const;
  const slope = <Slope top={<I>L</I>} of={z} />;
  if (name === "crossEntropy" || name === "bce") {
    const hit = name === "bce" ? target[0]! : node === target[0] ? 1 : 0;
    return [
      [left, slope],
      [
        "",
        <mrow key="f">
          <I>{name === "bce" ? "σ" : "softmax"}</I>
          <O>(</O>
          {z}
          <O>)</O>
          <O>−</O>
          {t}
        </mrow>,
      ],
      [
        "",
        <mrow key="n">
          <Plain v={d + hit} />
          <O>−</O>
          <Plain v={hit} />
        </mrow>,
      ],
      end,
    ];
  }
  const published = name === "sumSquaredErrorAsPublished";
  return [
    [left, slope],
    [
      "",
      published ? (
        <mrow key="f">
          <mn>2</mn>
          <O>·</O>
          {z}
        </mrow>
      ) : (
        <mrow key="f">
          <mn>2</mn>
          <O>·</O>
          <O>(</O>
          {z}
          <O>−</O>
          {t}
          <O>)</O>
        </mrow>
      ),
    ],
    [
      "",
      published ? (
        <mrow key="n">
          <mn>2</mn>
          <O>·</O>
          <N v={v} />
        </mrow>
      ) : (
        <mrow key="n">
          <mn>2</mn>
          <O>·</O>
          <O>(</O>
          <Plain v={v} />
          <O>−</O>
          <N v={target[node]!} />
          <O>)</O>
        </mrow>
      ),
    ],
    end,
  ];
}

function backwardRows(story: Story, { layer, node }: Focus): Rows {
  const d = story.layers[layer]!.deltas?.[node];
  if (d === undefined) return forwardRows(story, { layer, node, from: null });
  const left = delta(layer, num(node));
  const behind = story.layers[layer + 1];
  if (!behind) return outputDelta(story, node, left, d);
  const end = ["", <Plain key="v" v={d} />] as const;
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
