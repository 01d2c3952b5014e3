import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { problemWith, type Settings } from "./settings.ts";
import { change, t } from "./store.ts";
import type { Key } from "./strings.ts";

/** A choice among names; takes effect at once. */
export function Choice<T extends string>(props: {
  label: Key;
  value: T;
  names: readonly T[];
  onChoose: (name: T) => void;
}) {
  return (
    <label class="field">
      <span>{t.value(props.label)}</span>
      <select value={props.value} onChange={(e) => props.onChoose(e.currentTarget.value as T)}>
        {props.names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A typed setting: what makes no sense is said beside it, and nothing starts. */
export function TypedField<K extends "lr" | "batch" | "seed" | "hidden">(props: {
  label: Key;
  hint?: Key;
  name: K;
  value: Settings[K];
  show: (value: Settings[K]) => string;
  read: (text: string) => unknown;
}) {
  const text = useSignal(props.show(props.value));
  const error = useSignal<Key | null>(null);
  const shown = props.show(props.value);
  useEffect(() => {
    text.value = shown;
    error.value = null;
  }, [shown]);
  const commit = () => {
    const value = props.read(text.value.trim());
    const wrong = problemWith(props.name, value);
    const messages = { lr: "errorLr", batch: "errorBatch", seed: "errorSeed", hidden: "errorHidden" } as const;
    error.value = wrong ? messages[wrong] : null;
    if (!wrong && props.show(value as Settings[K]) !== shown) change({ [props.name]: value });
  };
  const id = `field-${props.name}`;
  return (
    <div class="field">
      <label for={id}>{t.value(props.label)}</label>
      <input
        id={id}
        value={text.value}
        placeholder={props.hint ? t.value(props.hint) : ""}
        title={props.hint ? t.value(props.hint) : ""}
        aria-invalid={error.value !== null}
        aria-describedby={`${id}-error`}
        spellcheck={false}
        autocomplete="off"
        onInput={(e) => (text.value = e.currentTarget.value)}
        onChange={commit}
        onKeyDown={(e) => e.key === "Enter" && commit()}
      />
      <small id={`${id}-error`} class="error" role="alert">
        {error.value ? t.value(error.value) : ""}
      </small>
    </div>
  );
}
