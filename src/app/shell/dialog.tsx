import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { say } from "./strings.ts";

/** A dialog in front of everything; Escape, the button and a click beside it close it. */
export function Dialog(props: { title: string; id: string; onClose: () => void; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    ref.current!.showModal();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a dialog by itself
    <dialog
      ref={ref}
      id={props.id}
      aria-label={props.title}
      onClose={props.onClose}
      onClick={(e) => e.target === ref.current && ref.current?.close()}
    >
      <header>
        <h2>{props.title}</h2>
        <button type="button" class="quiet" onClick={() => ref.current?.close()}>
          {say("close")}
        </button>
      </header>
      {props.children}
    </dialog>
  );
}
