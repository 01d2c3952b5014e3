import { bytesText, count } from "../draw/format.ts";
import { Card } from "../shell/card.tsx";
import { lazy } from "../shell/lazy.tsx";
import { editing, netDrawn } from "../state/editing.ts";
import {
  type HiddenLayer,
  type HiddenType,
  hiddenTypes,
  MOST_LAYERS,
  newLayer,
  parametersIn,
  validWidth,
} from "../state/net.ts";
import { imageNets, modelOf, type Settings } from "../state/settings.ts";
import { change, ends, netNotes, own, run, settings } from "../state/store.ts";
import { Typed } from "./field.tsx";
import { type DataKey, say } from "./strings.ts";

/** Of any shape and wiring, layer by layer; few nets want it. */
const LayerEditor = lazy(async () => (await import("../net/layer-editor.tsx")).LayerEditor);

/** Only data of images has one. */
const NetChoice = lazy(async () => (await import("./net-choice.tsx")).NetChoice);

/** Width that a new linear layer gets. */
const NEW_WIDTH = 16;
/** Copies of a parameter that live with it: its gradient, and what the optimizer keeps. */
const states: Readonly<Record<Settings["optimizer"], number>> = { sgd: 1, rmsprop: 2, adagrad: 2, adam: 3, adamw: 3 };

const nameOf = (type: HiddenType): string => (Object.hasOwn(typeNames, type) ? say(typeNames[type]!) : type);
const typeNames: Partial<Record<HiddenType, DataKey>> = {
  linear: "linear",
  layerNorm: "layerNorm",
  dropout: "dropout",
};

/** Parameters, and bytes for them and for the values of a batch on the way forward and back. */
function sizeOf(s: Settings, rows: number): { parameters: number; bytes: number } {
  const { inputs, outputs } = ends.value;
  const parameters = parametersIn(modelOf(s, own.value).layers);
  let width = inputs;
  let values = inputs + 2 * outputs;
  for (const l of s.net) {
    if (l.type === "linear") width = l.out;
    values += 2 * width;
  }
  return { parameters, bytes: 4 * (parameters * (1 + states[s.optimizer]) + values * rows) };
}

function Row({ layer, i, last }: { layer: HiddenLayer; i: number; last: boolean }) {
  const net = settings.value.net;
  const put = (next: readonly HiddenLayer[]): void => change({ net: next });
  const replace = (by: HiddenLayer): void => put(net.map((l, k) => (k === i ? by : l)));
  const move = (to: number): void => {
    const next = net.filter((_, k) => k !== i);
    put([...next.slice(0, to), layer, ...next.slice(to)]);
  };
  const n = { i: i + 1 };
  return (
    <li class="layer">
      <select
        aria-label={say("type", n)}
        value={layer.type}
        onChange={(e) => replace(newLayer(e.currentTarget.value as HiddenType, NEW_WIDTH))}
      >
        {hiddenTypes.map((type) => (
          <option key={type} value={type}>
            {nameOf(type)}
          </option>
        ))}
      </select>
      {layer.type === "linear" ? (
        <Typed
          id={`width-${i}`}
          bare
          label={say("width", n)}
          value={String(layer.out)}
          commit={(text) => {
            if (!validWidth(Number(text))) return say("errorWidth");
            replace({ type: "linear", out: Number(text) });
            return null;
          }}
        />
      ) : layer.type === "dropout" ? (
        <select
          aria-label={say("chance", n)}
          value={layer.p}
          onChange={(e) => replace({ type: "dropout", p: Number(e.currentTarget.value) })}
        >
          {[0.1, 0.2, 0.3, 0.5].map((p) => (
            <option key={p} value={p}>
              {p}
            </option>
          ))}
        </select>
      ) : (
        <span />
      )}
      <span class="moves">
        <button
          type="button"
          class="small quiet"
          aria-label={say("up", n)}
          disabled={i === 0}
          onClick={() => move(i - 1)}
        >
          ↑
        </button>
        <button
          type="button"
          class="small quiet"
          aria-label={say("down", n)}
          disabled={last}
          onClick={() => move(i + 1)}
        >
          ↓
        </button>
        <button
          type="button"
          class="small quiet"
          aria-label={say("remove", n)}
          onClick={() => put(net.filter((_, k) => k !== i))}
        >
          ×
        </button>
      </span>
    </li>
  );
}

/** A chain of dense layers, with what it costs. */
function DenseLayers() {
  const s = settings.value;
  const { inputs, outputs, loss } = ends.value;
  const size = sizeOf(s, s.batch === "full" ? (run.value?.rows ?? 1) : s.batch);
  return (
    <>
      <p class="end">
        {say("input")} <b>{inputs}</b>
      </p>
      <ol class="layers">
        {s.net.map((layer, i) => (
          <Row key={`${i}-${layer.type}`} layer={layer} i={i} last={i === s.net.length - 1} />
        ))}
      </ol>
      <p class="end">
        {say("output")} <b>{outputs}</b> <span class="soft">{loss}</span>
      </p>
      <div class="buttons">
        <select
          id="add-layer"
          aria-label={say("add")}
          value=""
          disabled={s.net.length >= MOST_LAYERS}
          onChange={(e) => {
            const type = e.currentTarget.value as HiddenType;
            e.currentTarget.value = "";
            change({ net: [...s.net, newLayer(type, NEW_WIDTH)] });
          }}
        >
          <option value="">+ {say("add")}</option>
          {hiddenTypes.map((type) => (
            <option key={type} value={type}>
              {nameOf(type)}
            </option>
          ))}
        </select>
        <label class="inline">
          <input type="checkbox" checked={s.bias} onChange={(e) => change({ bias: e.currentTarget.checked })} />
          {say("bias")}
        </label>
      </div>
      <p class="soft" id="net-size">
        {say("size", { parameters: count(size.parameters), bytes: bytesText(size.bytes) })}
      </p>
    </>
  );
}

/** The net: its own controls where it is a chain of dense layers, else the editor for any net. */
export function NetBuilder() {
  const whole = settings.value.graph !== null || editing.value;
  return (
    <Card title={say("net")} part="net" id="net">
      {(Object.values(imageNets).includes(settings.value.data) || run.value?.shape) && <NetChoice />}
      {whole ? <LayerEditor /> : <DenseLayers />}
      {run.value?.net && (
        <p class="soft" id="net-from">
          {[say("netFrom", { name: run.value.net }), ...netNotes.value].join("; ")}
        </p>
      )}
      <div class="buttons">
        {!whole && (
          <button
            type="button"
            class="small"
            id="edit-layers"
            onClick={() => {
              editing.value = true;
            }}
          >
            {say("editLayers")}
          </button>
        )}
        {!(netDrawn.value ?? settings.value.graph !== null) && (
          <button
            type="button"
            class="small"
            id="draw-net"
            onClick={() => {
              netDrawn.value = true;
            }}
          >
            {say("drawNet")}
          </button>
        )}
      </div>
    </Card>
  );
}
