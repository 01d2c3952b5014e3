import { useSignal } from "@preact/signals";
import { say } from "./strings.ts";

/** Copies a text, and says that it did. */
export function CopyButton(props: {
  text: () => string | Promise<string>;
  label?: string;
  id?: string;
  disabled?: boolean;
}) {
  const done = useSignal(false);
  const copy = async () => {
    await navigator.clipboard.writeText(await props.text());
    done.value = true;
    setTimeout(() => {
      done.value = false;
    }, 2000);
  };
  return (
    <button type="button" id={props.id} onClick={copy} disabled={props.disabled}>
      {done.value ? `✓ ${say("copied")}` : (props.label ?? say("copy"))}
    </button>
  );
}
