import type { ComponentChildren } from "preact";
import { hiddenParts } from "../state/store.ts";
import type { Part } from "../state/url.ts";

/** A titled part of a room. A link may hide it by its name. */
export function Card(props: {
  title: string;
  part?: Part;
  id?: string;
  class?: string;
  actions?: ComponentChildren;
  children?: ComponentChildren;
}) {
  if (props.part && hiddenParts.value.includes(props.part)) return null;
  return (
    <section class={`card ${props.class ?? ""}`} id={props.id}>
      <header>
        <h2>{props.title}</h2>
        {props.actions && <div class="actions">{props.actions}</div>}
      </header>
      {props.children}
    </section>
  );
}
