import { imageNets, settingsFor } from "../state/settings.ts";
import { change, settings, takePreset } from "../state/store.ts";
import { Choice } from "./field.tsx";
import { type NetChoiceKey, say } from "./net-strings.ts";

/** The nets that this data has presets of, where there are several. */
export function NetChoice() {
  const { data, graph } = settings.value;
  const presets = Object.keys(imageNets).filter((name) => imageNets[name] === data);
  const chosen = graph ? (presets.includes(graph.link) ? graph.link : "own") : "dense";
  return (
    <Choice
      id="field-net"
      label={say("net")}
      bare
      value={chosen}
      names={["dense", ...presets, ...(chosen === "own" ? ["own"] : [])]}
      show={(name) => say(`net-${name}` as NetChoiceKey)}
      onChoose={(name) => {
        if (name === "dense") change(settingsFor(data));
        else if (name !== "own") takePreset(name);
      }}
    />
  );
}
