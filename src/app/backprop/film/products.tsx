import type { ComponentChildren } from "preact";
import { largest } from "../../draw/canvas.tsx";
import { short } from "../../draw/format.ts";
import { beyondKey, brief, ground, keyOf, type MapCell } from "./cells.tsx";
import { say } from "./strings.ts";

/** One factor of a product: its number, and the cell that holds it; null where no cell does. */
export interface Factor<Map extends string = string> {
  readonly value: number;
  readonly cell: MapCell<Map> | null;
  /** Of a zero of the padding: where it lies, counted from the image's first cell. */
  readonly beyond?: readonly [row: number, column: number];
}

/** Products laid out as they lie in the net, and what they come to. */
export interface Terms<Map extends string = string> {
  readonly columns: number;
  /** Row by row; null where there is no product. */
  readonly pairs: readonly (readonly [Factor<Map>, Factor<Map>] | null)[];
  /** What the sum begins with: a bias. */
  readonly start: number;
  /** What the sum of the products is multiplied by; absent: 1. */
  readonly scale?: number;
  readonly total: number;
}

/** How a number comes about, and the cells that it is made of. */
export interface Work {
  readonly view: ComponentChildren;
  /** Of these keys: `keyOf`, `beyondKey`. */
  readonly lit: readonly string[];
}

/** Numbers as they lie in the net; null is nothing. */
export function Small({
  title,
  values,
  columns,
}: {
  title: string;
  values: readonly (number | null)[];
  columns: number;
}) {
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

export const Sign = ({ children }: { children: string }) => (
  <span class="sign" aria-hidden="true">
    {children}
  </span>
);

export const litBy = (pairs: Terms["pairs"]): readonly string[] =>
  pairs.flatMap((pair) =>
    (pair ?? []).flatMap(({ cell, beyond }) => (cell ? keyOf(cell) : beyond ? beyondKey(...beyond) : [])),
  );

/** left times right, number by number, and their sum; with `bias`, what it begins with is shown. */
export function sumOf(
  { pairs, columns, start, scale = 1, total }: Terms,
  left: string,
  right: string,
  bias = false,
): Work {
  const grid = (title: string, of: (pair: NonNullable<Terms["pairs"][number]>) => number) => (
    <Small title={title} columns={columns} values={pairs.map((pair) => (pair ? of(pair) : null))} />
  );
  const view = (
    <>
      {grid(left, ([a]) => a.value)}
      <Sign>⊙</Sign>
      {grid(right, ([, b]) => b.value)}
      <Sign>=</Sign>
      {grid(say("products"), ([a, b]) => a.value * b.value)}
      <p class="total">
        {say("sum")} {short((total - start) / scale)}
        {scale !== 1 && ` · ${short(scale)} = `}
        {bias && ` + ${say("bias")} ${short(start)} = `}
        {(bias || scale !== 1) && <b>{short(total)}</b>}
      </p>
    </>
  );
  return { view, lit: litBy(pairs) };
}
