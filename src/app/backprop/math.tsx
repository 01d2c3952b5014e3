import type { ComponentChildren } from "preact";
import { short } from "../draw/format.ts";

/** MathML by hand: small functions that read like the formula. */
export const N = ({ v }: { v: number }) =>
  v < 0 ? (
    <mrow>
      <mo>(</mo>
      <mo>−</mo>
      <mn>{short(-v)}</mn>
      <mo>)</mo>
    </mrow>
  ) : (
    <mn>{short(v)}</mn>
  );
/** A number that stands alone: no brackets about its sign. */
export const Plain = ({ v }: { v: number }) => <mn>{short(v)}</mn>;
export const I = ({ children }: { children: ComponentChildren }) => <mi>{children}</mi>;
export const O = ({ children }: { children: ComponentChildren }) => <mo>{children}</mo>;

export function Sub({ base, sub }: { base: ComponentChildren; sub: ComponentChildren }) {
  return (
    <msub>
      <mi>{base}</mi>
      <mrow>{sub}</mrow>
    </msub>
  );
}

/** d top / d bottom */
export function Slope({ top, of }: { top: ComponentChildren; of: ComponentChildren }) {
  return (
    <mfrac>
      <mrow>
        <mo>∂</mo>
        {top}
      </mrow>
      <mrow>
        <mo>∂</mo>
        {of}
      </mrow>
    </mfrac>
  );
}

export function Sum({ over, children }: { over: string; children: ComponentChildren }) {
  return (
    <mrow>
      <munder>
        <mo>∑</mo>
        <mi>{over}</mi>
      </munder>
      {children}
    </mrow>
  );
}

/** Terms of a long sum that are written out. */
const MOST_TERMS = 5;

/** a1·b1 + a2·b2 + ... */
export function Terms({ pairs }: { pairs: readonly (readonly [number, number])[] }) {
  return (
    <mrow>
      {pairs.slice(0, MOST_TERMS).map(([a, b], i) => (
        <mrow key={i}>
          {i > 0 && <mo>+</mo>}
          <N v={a} />
          <mo>·</mo>
          <N v={b} />
        </mrow>
      ))}
      {pairs.length > MOST_TERMS && (
        <mrow>
          <mo>+</mo>
          <mo>…</mo>
        </mrow>
      )}
    </mrow>
  );
}

/** Lines under each other, aligned at their first sign. */
export function Lines({ rows }: { rows: readonly (readonly [ComponentChildren, ComponentChildren])[] }) {
  return (
    <math display="block">
      <mtable class="lines">
        {rows.map(([left, right], i) => (
          <mtr key={i}>
            <mtd>{left}</mtd>
            <mtd>
              <mo>=</mo>
            </mtd>
            <mtd>{right}</mtd>
          </mtr>
        ))}
      </mtable>
    </math>
  );
}
