import type { Story } from "../worker/story.ts";

export const phases = ["forward", "loss", "backward", "products", "update"] as const;
export type Phase = (typeof phases)[number];

/** Nodes of a layer that are drawn. */
export const MOST_NODES = 8;

/** What a formula is about: a node of a layer, or the edge to it from a node of the layer before. */
export interface Focus {
  readonly layer: number;
  readonly node: number;
  readonly from: number | null;
}

/** One picture of the film. */
export interface Frame {
  readonly phase: Phase;
  readonly focus: Focus;
}

/**
 * Forward node by node, the loss, back node by node, the products and the update layer by layer. Of a net with branches there
 * are no pictures.
 */
export function framesOf(story: Story): readonly Frame[] {
  if (story.wiring === "branched") return [];
  const nodes = (layer: number, phase: Phase): Frame[] =>
    story.layers[layer]!.values.slice(0, MOST_NODES).map((_, node) => ({ phase, focus: { layer, node, from: null } }));
  const last = story.layers.length - 1;
  const all = Array.from({ length: last }, (_, i) => i + 1);
  const linear = all.filter((l) => story.layers[l]!.linear !== null).reverse();
  const edges = (phase: Phase): Frame[] => linear.map((layer) => ({ phase, focus: { layer, node: 0, from: 0 } }));
  return [
    ...all.flatMap((layer) => nodes(layer, "forward")),
    { phase: "loss", focus: { layer: last, node: 0, from: null } },
    ...all.reverse().flatMap((layer) => nodes(layer, "backward")),
    ...edges("products"),
    ...edges("update"),
  ];
}

/** What is known at a picture: values up to a node on the way there, slopes down to a node on the way back. */
export function isKnown(frame: Frame, what: "value" | "delta", layer: number, node: number): boolean {
  const { phase, focus } = frame;
  if (what === "value") {
    return phase !== "forward" || layer < focus.layer || (layer === focus.layer && node <= focus.node);
  }
  if (phase === "forward" || phase === "loss") return false;
  return phase !== "backward" || layer > focus.layer || (layer === focus.layer && node <= focus.node);
}
