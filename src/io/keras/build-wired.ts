import { finishWired } from "../net/finish-wired.ts";
import type { ImportedNet, ImportOptions } from "../net/net-parts.ts";
import type { DeclaredLoss } from "../net/resolve-loss.ts";
import { INPUT, type Value, WiredNet } from "../net/wired-net.ts";
import { refuse } from "./json.ts";
import type { RowShape } from "./layout.ts";
import { channelsFirst, inAxes, inKerasOrder, type Placed, placedAs } from "./placed.ts";
import { noteSettings } from "./settings.ts";
import type { KerasGraph } from "./topology.ts";
import type { Version } from "./version.ts";
import type { WeightSource } from "./weights.ts";
import { addWired } from "./wired-layers.ts";

/** What a net of few numbers may take of its own: attention without arrays has four identities here. */
const FREE_BYTES = 2 ** 20;

/**
 * A net of any shape and wiring. Rows keep the order of the file, channels last as a rule; layers work on channels first,
 * and what that moves is moved once.
 */
export function buildWired(
  { layers, output }: KerasGraph,
  shape: RowShape | null,
  weights: WeightSource,
  version: Version,
  options: ImportOptions,
  loss: (note: (text: string) => void) => DeclaredLoss | null,
): ImportedNet {
  if (shape === null || shape.length === 0 || shape.includes(null)) {
    const text = shape === null ? "is not in the file" : `is [${shape.map((d) => d ?? "open").join(", ")}]`;
    refuse(
      `the shape of the model's input ${text}; here a net is made for one shape of rows: give the Input every size`,
    );
  }
  const input = shape as readonly number[];
  const uses = Math.max(...usesOf(layers));
  const net = new WiredNet("keras", Math.max(FREE_BYTES, 3 * 4 * weights.size * uses), input);
  const from = placedAs(
    net,
    INPUT,
    input.map((_, i) => i),
  );
  const values: Placed[] = [];
  for (const layer of layers) {
    const given = layer.sources.map((source) => (source < 0 ? from : values[source]!));
    values.push(addWired(layer, given as [Placed, ...Placed[]], { net, weights, version }));
  }
  const end = output < 0 ? from : values[output]!;
  const declared = loss((text) => net.note(text));
  const value = classesFirst(net, end, options, declared) ?? inKerasOrder(net, end, "the model's output");
  noteSettings(layers, (text) => net.note(text));
  const last = net.nodes.find(
    (node) => node.kind === "layer" && node.layer.type === "permute" && node.from[0] === INPUT,
  );
  if (last) {
    net.note(
      `rows are [${input.join(", ")}] as in the file, channels last; a permute at the front puts channels first for the layers behind it`,
    );
  }
  return finishWired(net, value, options, declared);
}

/** How often layers are called, each by the calls before it. */
function usesOf(layers: KerasGraph["layers"]): readonly number[] {
  const uses = new Map<string, number>();
  return [
    1,
    ...layers.map(({ path }) => {
      const key = path.join("/");
      uses.set(key, (uses.get(key) ?? 0) + 1);
      return uses.get(key)!;
    }),
  ];
}

/** The output with its classes first, where crossEntropy takes one for each place; null where the order of the file stays. */
function classesFirst(net: WiredNet, end: Placed, options: ImportOptions, declared: DeclaredLoss | null): Value | null {
  const softmax = ["softmax", "logSoftmax"].includes(net.layerAt(end.value)?.layer.type ?? "");
  const wanted = options.loss ?? declared?.loss ?? (softmax && !options.keepOutputs ? "crossEntropy" : null);
  if (end.shape.length !== 3 || wanted !== "crossEntropy") return null;
  net.note("outputs are classes first, [classes, height, width], as crossEntropy takes a class for each place");
  return inAxes(net, end, channelsFirst(3, "channels_last"), "the model's output");
}
