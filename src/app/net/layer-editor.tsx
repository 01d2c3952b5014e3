import { shapeText } from "../../core/ndarray.ts";
import { layerTypes } from "../../nn/layers/registry.ts";
import { Typed } from "../data/field.tsx";
import { count } from "../draw/format.ts";
import { Scroll } from "../shell/scroll.tsx";
import { editing } from "../state/editing.ts";
import { run, settings } from "../state/store.ts";
import {
  calledIn,
  type DraftLayer,
  insertLayer,
  moveLayer,
  parametersOf,
  removeLayer,
  shownValue,
  typedValue,
} from "./draft.ts";
import { costs, draft, edit, isSimple, judged, opened } from "./editor.ts";
import { LayerFields } from "./layer-fields.tsx";
import { shapeBefore } from "./shape-before.ts";
import { say } from "./strings.ts";
import "./net.css";

/** Of a long name the end tells layers apart. */
const LONG = 20;

/** One layer: its type and what it gives; opened, all its fields. */
function Layer({ layer, i, parameters }: { layer: DraftLayer; i: number; parameters: number | undefined }) {
  const { sound, wrong } = judged.value;
  const shape = sound?.shapes[i];
  const open = opened.value === layer.id;
  const here = wrong?.at === i;
  const type = String(layer.fields.type);
  const called = calledIn(draft.value, i);
  const keys = (e: KeyboardEvent): void => {
    const to = e.altKey ? { ArrowUp: i - 1, ArrowDown: i + 1 }[e.key] : undefined;
    if (e.key === "Delete") edit(removeLayer(draft.value, i));
    else if (to !== undefined && to >= 0 && to < draft.value.layers.length) edit(moveLayer(draft.value, i, to));
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    <li class={here ? "wrong" : ""}>
      <button
        type="button"
        class="quiet layer-row"
        aria-expanded={open}
        title={called}
        onKeyDown={keys}
        onClick={() => {
          opened.value = open ? null : layer.id;
        }}
      >
        <b>{type}</b> <span class="gives">{shape ? shapeText(shape) : "?"}</span>{" "}
        <span class="soft">{called.length > LONG ? `…${called.slice(-LONG)}` : called}</span>{" "}
        <span class="soft gives">{parameters ? count(parameters) : ""}</span>
      </button>
      {open && <LayerFields i={i} />}
      {here && (
        <p class="error" role="alert">
          {wrong!.message} {say("blocked")}
        </p>
      )}
    </li>
  );
}

/** The shape of a row; where rows are images, a way to say so. */
function Input() {
  const shape = run.value?.shape;
  const { input } = draft.value;
  const put = (next: unknown): void => edit({ ...draft.value, input: next });
  return (
    <>
      <Typed
        id="net-input"
        label={say("input")}
        hint={say("inputHint")}
        value={shownValue(input)}
        commit={(text) => {
          const value = typedValue(text);
          put(typeof value === "number" ? [value] : value);
          return null;
        }}
      />
      {shape && `${input}` !== `${shape}` && (
        <button type="button" class="small" id="as-images" onClick={() => put(shape)}>
          {say("asImages", { shape: shapeText(shape) })}
        </button>
      )}
    </>
  );
}

/** A list of layers of any type and wiring, checked at every change: what is wrong is said where it is. */
export function LayerEditor() {
  const { layers } = draft.value;
  const { sound, wrong } = judged.value;
  const counts = sound ? parametersOf(sound) : [];
  const at = layers.findIndex((l) => l.id === opened.value);
  const add = (type: string): void => {
    // Behind the open layer, else before the last, which gives what the data asks for.
    const place = at >= 0 ? at + 1 : Math.max(0, layers.length - 1);
    edit(insertLayer(draft.value, place, type, shapeBefore(judged.value, place)));
    opened.value = draft.value.layers[place]!.id;
  };
  const total = sound && !wrong ? costs(sound, counts) : null;
  return (
    <div class="layer-editor" id="layer-editor">
      <Input />
      <Scroll label={say("layers")} class="layer-list">
        <ol>
          {layers.map((layer, i) => (
            <Layer key={layer.id} layer={layer} i={i} parameters={counts[i]} />
          ))}
        </ol>
      </Scroll>
      <select
        id="insert-layer"
        aria-label={say(at >= 0 ? "add" : "addPlain")}
        value=""
        onChange={(e) => {
          const type = e.currentTarget.value;
          e.currentTarget.value = "";
          if (type) add(type);
        }}
      >
        <option value="">+ {say(at >= 0 ? "add" : "addPlain")}</option>
        {layerTypes.map((type) => (
          <option key={type} value={type}>
            {type}
          </option>
        ))}
      </select>
      {wrong && (wrong.at === null || wrong.at !== at) && (
        <p class="error" role={wrong.at === null ? "alert" : undefined} id="net-wrong">
          {wrong.message} {say("blocked")}
        </p>
      )}
      {total && (
        <p class="soft" id="net-size">
          {say("total", {
            layers: total.layers,
            parameters: count(total.parameters),
            values: count(total.values),
          })}
        </p>
      )}
      {settings.value.graph?.link === "" && <p class="soft">{say("noLink")}</p>}
      <p class="soft">{say("keys")}</p>
      {isSimple.value && !wrong && (
        <button
          type="button"
          class="small"
          id="simple-net"
          onClick={() => {
            editing.value = false;
          }}
        >
          {say("simple")}
        </button>
      )}
    </div>
  );
}
