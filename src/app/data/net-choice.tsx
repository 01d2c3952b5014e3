import { imageNets, settingsFor } from "../state/settings.ts";
import { change, ends, run, settings, takeImageNet, takePreset } from "../state/store.ts";
import { Choice } from "./field.tsx";
import { type NetChoiceKey, say } from "./net-strings.ts";

/** Nets for images of the user's, for which there is no preset. */
const CONVOLUTIONS = "convolutions";

/** The nets that data of images can begin with. */
export function NetChoice() {
  const { data, graph } = settings.value;
  const presets = Object.keys(imageNets).filter((name) => imageNets[name] === data);
  const shape = run.value?.shape;
  const offered =
    presets.length > 0 ? presets : shape?.length === 3 && ends.value.loss === "crossEntropy" ? [CONVOLUTIONS] : [];
  const chosen = graph ? (presets.includes(graph.link) ? graph.link : "own") : "dense";
  return (
    <Choice
      id="field-net"
      label={say("net")}
      bare
      value={chosen}
      names={["dense", ...offered, ...(chosen === "own" ? ["own"] : [])]}
      show={(name) => say(`net-${name}` as NetChoiceKey)}
      onChoose={(name) => {
        if (name === "dense") change({ ...settingsFor(data), device: settings.value.device });
        else if (name === CONVOLUTIONS) takeImageNet(shape!);
        else if (name !== "own") takePreset(name);
      }}
    />
  );
}
