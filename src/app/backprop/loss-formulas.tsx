import type { ComponentChildren } from "preact";
import type { Story } from "../worker/story.ts";
import { I, N, O, Plain, Slope, Sub, Sum } from "./math.tsx";
import { num, type Rows, value } from "./symbols.tsx";

/** The loss, from the outputs and targets. */
export function lossRows(story: Story): Rows {
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

/** Where the way back begins: the loss's slope in an output. */
export function outputDelta(story: Story, node: number, left: ComponentChildren, d: number): Rows {
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
