import type { ComponentChildren } from "preact";

/** Something wider or taller than its place: it scrolls, and keyboards reach it. */
export function Scroll(props: { label: string; class?: string; id?: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
    <section class={`scroll ${props.class ?? ""}`} id={props.id} tabIndex={0} aria-label={props.label}>
      {props.children}
    </section>
  );
}
