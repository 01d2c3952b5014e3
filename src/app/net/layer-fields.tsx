import { fieldsOf, type LayerField } from "../../nn/layers/field-list.ts";
import { layerTypeOf, layerTypes } from "../../nn/layers/registry.ts";
import { Choice, Typed } from "../data/field.tsx";
import { changeType, fromOf, moveLayer, removeLayer, setField, shownValue, typedValue } from "./draft.ts";
import { draft, edit, judged } from "./editor.ts";
import { shapeBefore } from "./shape-before.ts";
import { say } from "./strings.ts";

/** All that can be said of the layer at `i`: its type, fields, name and what it reads; and where it stands. */
export function LayerFields({ i }: { i: number }) {
  const layers = draft.value.layers;
  const { fields } = layers[i]!;
  const type = String(fields.type);
  const known = layerTypeOf(type);
  const n = { i };
  const typed = (key: string, value: string, hint: string, read: (text: string) => unknown) => (
    <Typed
      id={`layer-${i}-${key}`}
      label={key === "name" || key === "from" ? say(key) : key}
      hint={hint}
      value={value}
      commit={(text) => {
        edit(setField(draft.value, i, key, read(text)));
        return null;
      }}
    />
  );
  return (
    <div class="layer-fields">
      <Choice
        id={`layer-${i}-type`}
        label={say("type")}
        value={type}
        names={layerTypes}
        onChoose={(next) => edit(changeType(draft.value, i, next, shapeBefore(judged.value, i)))}
      />
      {known && fieldsOf(known).map((field) => <Field key={field.name} i={i} field={field} typed={typed} />)}
      {typed("name", shownValue(fields.name), String(i), (text) => (text === "" ? undefined : text))}
      {typed("from", shownValue(fields.from), say("fromHint"), fromOf)}
      <div class="buttons">
        <button
          type="button"
          class="small"
          aria-label={say("upOf", n)}
          disabled={i === 0}
          onClick={() => edit(moveLayer(draft.value, i, i - 1))}
        >
          ↑ {say("up")}
        </button>
        <button
          type="button"
          class="small"
          aria-label={say("downOf", n)}
          disabled={i === layers.length - 1}
          onClick={() => edit(moveLayer(draft.value, i, i + 1))}
        >
          ↓ {say("down")}
        </button>
        <button
          type="button"
          class="small"
          aria-label={say("removeOf", n)}
          onClick={() => edit(removeLayer(draft.value, i))}
        >
          × {say("remove")}
        </button>
      </div>
    </div>
  );
}

/** One field by its kind; where it was left out, what it then is stands in its place. */
function Field(props: {
  i: number;
  field: LayerField;
  typed: (key: string, value: string, hint: string, read: (text: string) => unknown) => preact.JSX.Element;
}) {
  const { i, field, typed } = props;
  const { name, kind, words } = field;
  const value = draft.value.layers[i]!.fields[name];
  const whole = judged.value.sound?.layers[i] as Readonly<Record<string, unknown>> | undefined;
  const put = (next: unknown): void => edit(setField(draft.value, i, name, next));
  const id = `layer-${i}-${name}`;
  if (kind === "word") {
    const shown = String(value ?? whole?.[name] ?? words[0]);
    return <Choice id={id} label={name} value={shown} names={words} onChoose={put} />;
  }
  if (kind === "flag") {
    return (
      <label class="inline" for={id}>
        <input
          type="checkbox"
          id={id}
          checked={(value ?? whole?.[name]) === true}
          onChange={(e) => put(e.currentTarget.checked)}
        />
        {name}
      </label>
    );
  }
  return typed(name, shownValue(value), shownValue(whole?.[name]), typedValue);
}
