import type { ComponentChildren } from "preact";
import { largest } from "../../draw/canvas.tsx";
import { short } from "../../draw/format.ts";
import { KERNEL } from "../../worker/conv-sizes.ts";
import type { ConvStory } from "../../worker/conv-story.ts";
import { placeOf } from "./frames.ts";
import { beyondKey, brief, ground, keyOf } from "./maps.tsx";
import { type ConvKey, say } from "./strings.ts";
import { shareTerms, sumUpTo, type Terms } from "./terms.ts";

/** How a number comes about, and the cells that it is made of. */
export interface Work {
  readonly view: ComponentChildren;
  /** Of these keys: `keyOf`, `beyondKey`. */
  readonly lit: readonly string[];
}

/** Numbers as they lie in the net; null is nothing. */
function Small({ title, values, columns }: { title: string; values: readonly (number | null)[]; columns: number }) {
  const most = largest(values.map((v) => v ?? 0));
  const rows = Array.from({ length: values.length / columns }, (_, r) => values.slice(r * columns, (r + 1) * columns));
  return (
    <figure>
      <figcaption>{title}</figcaption>
      <table class="map">
        <tbody>
          {rows.map((row, r) => (
            <tr key={r}>
              {row.map((v, c) => (
                <td key={c} class={v === null ? "none" : ""} style={v === null ? undefined : ground(v, most)}>
                  {v === null ? "·" : brief(v)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}

const Sign = ({ children }: { children: string }) => (
  <span class="sign" aria-hidden="true">
    {children}
  </span>
);

const litBy = (pairs: Terms["pairs"]): readonly string[] =>
  pairs.flatMap((pair) =>
    (pair ?? []).flatMap(({ cell, beyond }) => (cell ? keyOf(cell) : beyond ? beyondKey(...beyond) : [])),
  );

/** left times right, number by number, and their sum. */
export function sumOf({ pairs, columns, start, total }: Terms, left: ConvKey, right: ConvKey, bias: boolean): Work {
  const grid = (title: string, of: (pair: NonNullable<Terms["pairs"][number]>) => number) => (
    <Small title={title} columns={columns} values={pairs.map((pair) => (pair ? of(pair) : null))} />
  );
  const view = (
    <>
      {grid(say(left), ([a]) => a.value)}
      <Sign>⊙</Sign>
      {grid(say(right), ([, b]) => b.value)}
      <Sign>=</Sign>
      {grid(say("products"), ([a, b]) => a.value * b.value)}
      <p class="total">
        {say("sum")} {short(total - start)}
        {bias && ` + ${say("bias")} ${short(start)} = `}
        {bias && <b>{short(total)}</b>}
      </p>
    </>
  );
  return { view, lit: litBy(pairs) };
}

/** One place's share of a kernel's gradient, and how far the sum is with it. */
export function shareOf(s: ConvStory, place: number): Work {
  const pairs = shareTerms(s, place);
  const { channel } = placeOf(s.conv, place);
  const kernel = pairs.map((_, k) => keyOf({ map: "kernels", index: channel * KERNEL ** 2 + k }));
  const view = (
    <>
      <Small title={say("window")} columns={KERNEL} values={pairs.map(([x]) => x.value)} />
      <Sign>·</Sign>
      <Small title={say("here")} columns={1} values={[s.conv.deltas[place]!]} />
      <Sign>=</Sign>
      <Small title={say("products")} columns={KERNEL} values={pairs.map(([x, d]) => x.value * d.value)} />
      <Sign>→</Sign>
      <Small title={say("soFar")} columns={KERNEL} values={sumUpTo(s, place)} />
    </>
  );
  return { view, lit: [...litBy(pairs), ...kernel] };
}
