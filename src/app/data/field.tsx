import { useSignal } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";

/** A choice among names; takes effect at once. */
export function Choice<T extends string>(props: {
  id: string;
  label: string;
  /** Spoken, and not shown. */
  bare?: boolean;
  value: T;
  names: readonly T[];
  show?: (name: T) => string;
  onChoose: (name: T) => void;
}) {
  return (
    <div class="field">
      <label for={props.id} class={props.bare ? "unseen" : ""}>
        {props.label}
      </label>
      <select id={props.id} value={props.value} onChange={(e) => props.onChoose(e.currentTarget.value as T)}>
        {props.names.map((name) => (
          <option key={name} value={name}>
            {props.show?.(name) ?? name}
          </option>
        ))}
      </select>
    </div>
  );
}

/** A typed value: what makes no sense is said beside it, and nothing starts. */
export function Typed(props: {
  id: string;
  /** Shown above; or only spoken, where `bare`. */
  label: string;
  bare?: boolean;
  hint?: string;
  value: string;
  /** The message for a text that makes no sense; otherwise takes it. */
  commit: (text: string) => string | null;
}) {
  const text = useSignal(props.value);
  const error = useSignal<string | null>(null);
  // Before anyone can type: an effect after the next picture would take back what was typed by then.
  useLayoutEffect(() => {
    text.value = props.value;
    error.value = null;
  }, [props.value]);
  const commit = () => {
    error.value = text.value.trim() === props.value ? null : props.commit(text.value.trim());
  };
  return (
    <div class="field">
      {!props.bare && <label for={props.id}>{props.label}</label>}
      <input
        id={props.id}
        value={text.value}
        aria-label={props.bare ? props.label : undefined}
        placeholder={props.hint ?? ""}
        aria-invalid={error.value !== null}
        aria-describedby={`${props.id}-error`}
        inputMode="decimal"
        spellcheck={false}
        autocomplete="off"
        onInput={(e) => {
          text.value = e.currentTarget.value;
        }}
        onChange={commit}
        onKeyDown={(e) => e.key === "Enter" && commit()}
      />
      <small id={`${props.id}-error`} class="error" role="alert">
        {error.value ?? ""}
      </small>
    </div>
  );
}
