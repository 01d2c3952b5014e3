import type { ComponentChildren } from "preact";
import type { Story } from "../worker/story.ts";
import { Sub } from "./math.tsx";

/** Lines of a formula: what is left of the sign, and right of it. */
export type Rows = (readonly [ComponentChildren, ComponentChildren])[];

/** How each value is written: x for the inputs, z for a linear layer's outputs, y for an activation's. */
function letter(story: Story, layer: number): string {
  const { type } = story.layers[layer]!;
  return type === "input" ? "x" : type === "linear" ? "z" : "y";
}

export const value = (story: Story, layer: number, index: ComponentChildren): ComponentChildren => (
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
export const delta = (layer: number, index: ComponentChildren): ComponentChildren => (
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
export const num = (n: number): ComponentChildren => <mn>{n + 1}</mn>;
export const weight = (i: ComponentChildren, j: ComponentChildren): ComponentChildren => (
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
