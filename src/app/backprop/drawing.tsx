import { useLayoutEffect, useRef } from "preact/hooks";
import { largest } from "../draw/canvas.tsx";
import { css, diverging } from "../draw/colours.ts";
import { short } from "../draw/format.ts";
import { dark } from "../state/theme.ts";
import type { Story } from "../worker/story.ts";
import { type Focus, type Frame, isKnown, MOST_NODES } from "./frames.ts";
import { say } from "./strings.ts";

const COLUMN = 148;
const ROW = 56;
const R = 21;
const TOP = 40;

/** Where a node stands; on the way back the drawing is turned round. */
function placer(story: Story, turned: boolean) {
  const columns = story.layers.length + 1;
  const tallest = Math.min(MOST_NODES, Math.max(...story.layers.map((l) => l.values.length)));
  const width = columns * COLUMN;
  const height = TOP + tallest * ROW + 20;
  const x = (layer: number): number => (turned ? columns - 1 - layer : layer) * COLUMN + COLUMN / 2;
  const y = (layer: number, node: number): number => {
    const count = Math.min(MOST_NODES, story.layers[layer]?.values.length ?? 1);
    return TOP + ((tallest - count) / 2 + node + 0.5) * ROW;
  };
  return { width, height, x, y };
}

interface Props {
  story: Story;
  frame: Frame;
  focus: Focus;
  onFocus: (focus: Focus | null) => void;
}

function Edges({
  story,
  frame,
  focus,
  onFocus,
  layer,
  place,
}: Props & { layer: number; place: ReturnType<typeof placer> }) {
  const l = story.layers[layer]!;
  const before = story.layers[layer - 1]!;
  if (!l.linear) {
    return (
      <>
        {l.values.slice(0, MOST_NODES).map((_, j) => (
          <line
            key={j}
            x1={place.x(layer - 1)}
            y1={place.y(layer - 1, j)}
            x2={place.x(layer)}
            y2={place.y(layer, j)}
            class="wire"
          />
        ))}
      </>
    );
  }
  const gradients = frame.phase === "products" || frame.phase === "update";
  const values = gradients ? l.linear.dWeights : l.linear.weights;
  const most = largest(values) || 1;
  const units = l.values.length;
  const lit = (i: number, j: number): boolean =>
    focus.from !== null
      ? focus.layer === layer && focus.node === j && focus.from === i
      : frame.phase === "forward"
        ? focus.layer === layer && focus.node === j
        : frame.phase === "backward" && focus.layer === layer - 1 && focus.node === i;
  return (
    <>
      {before.values.slice(0, MOST_NODES).flatMap((_, i) =>
        l.values.slice(0, MOST_NODES).map((_v, j) => {
          const v = values[i * units + j]!;
          const on = lit(i, j);
          const line = { x1: place.x(layer - 1), y1: place.y(layer - 1, i), x2: place.x(layer), y2: place.y(layer, j) };
          return (
            <g
              key={`${i}-${j}`}
              onPointerEnter={() => onFocus({ layer, node: j, from: i })}
              onPointerLeave={() => onFocus(null)}
            >
              <line {...line} class="reach" />
              <line
                {...line}
                class={on ? "edge lit" : "edge"}
                stroke={css(diverging(0.25 * Math.sign(v) + (0.75 * v) / most))}
                stroke-width={on ? 4 : 1 + (2.2 * Math.abs(v)) / most}
              />
              {on && (
                <text
                  class="edge-value"
                  x={line.x1 + 0.62 * (line.x2 - line.x1)}
                  y={line.y1 + 0.62 * (line.y2 - line.y1) - 5}
                >
                  {short(v, 2)}
                </text>
              )}
            </g>
          );
        }),
      )}
    </>
  );
}

function Node({
  story,
  frame,
  focus,
  onFocus,
  layer,
  node,
  place,
}: Props & { layer: number; node: number; place: ReturnType<typeof placer> }) {
  const l = story.layers[layer]!;
  const isBack = frame.phase === "backward" || frame.phase === "products" || frame.phase === "update";
  const shows = isBack && l.deltas ? "delta" : "value";
  const known = isKnown(frame, shows, layer, node);
  const v = shows === "delta" ? l.deltas![node]! : l.values[node]!;
  const most = largest(shows === "delta" ? l.deltas! : l.values) || 1;
  const on = focus.from === null && focus.layer === layer && focus.node === node;
  const [x, y] = [place.x(layer), place.y(layer, node)];
  return (
    <g
      class={on ? "node on" : "node"}
      onPointerEnter={() => onFocus({ layer, node, from: null })}
      onPointerLeave={() => onFocus(null)}
    >
      <circle cx={x} cy={y} r={R} fill={known ? css(diverging((0.4 * v) / most)) : "var(--sunk)"} />
      <text x={x} y={y + 4}>
        {known ? short(v, 2) : ""}
      </text>
    </g>
  );
}

/** Middle of what a picture is about: a layer and the edges that reach it, or the loss. */
function middleOf(frame: Frame, last: number, place: ReturnType<typeof placer>): number {
  const { layer } = frame.focus;
  if (frame.phase === "loss") return place.x(last + 1);
  return (place.x(layer) + place.x(frame.phase === "backward" ? layer + 1 : layer - 1)) / 2;
}

/** The net with its numbers: columns of nodes, edges coloured by what they carry. */
export function Drawing(props: Props & { text: string }) {
  const { story, frame } = props;
  void dark.value;
  const turned = frame.phase === "backward";
  const place = placer(story, turned);
  const last = story.layers.length - 1;
  const target = story.loss.target;
  const svg = useRef<SVGSVGElement>(null);
  const middle = middleOf(frame, last, place);
  // Where the drawing is wider than its place, as on a phone, it follows the film; the pointer never moves it.
  useLayoutEffect(() => {
    const around = svg.current?.parentElement;
    if (around) around.scrollLeft = middle - around.clientWidth / 2;
  }, [middle]);
  return (
    <svg
      ref={svg}
      class="drawing-of-net"
      viewBox={`0 0 ${place.width} ${place.height}`}
      width={place.width}
      height={place.height}
      role="img"
      aria-label={say("drawing", { text: props.text })}
    >
      {story.layers.slice(1).map((_, i) => (
        <Edges key={i} {...props} layer={i + 1} place={place} />
      ))}
      {story.layers[last]!.values.slice(0, MOST_NODES).map((_, j) => (
        <line
          key={j}
          x1={place.x(last)}
          y1={place.y(last, j)}
          x2={place.x(last + 1)}
          y2={place.height / 2}
          class="wire"
        />
      ))}
      {story.layers.map((l, layer) => (
        <g key={layer}>
          <text class="caption" x={place.x(layer)} y={18}>
            {layer === 0 ? say("input") : `${layer} · ${l.type}`}
          </text>
          {l.values.slice(0, MOST_NODES).map((_, node) => (
            <Node key={node} {...props} layer={layer} node={node} place={place} />
          ))}
          {l.values.length > MOST_NODES && (
            <text class="caption" x={place.x(layer)} y={place.height - 2}>
              {say("more", { n: l.values.length - MOST_NODES })}
            </text>
          )}
        </g>
      ))}
      <g class={frame.phase === "loss" ? "node on" : "node"}>
        <text class="caption" x={place.x(last + 1)} y={18}>
          {story.loss.name}
        </text>
        <rect x={place.x(last + 1) - 34} y={place.height / 2 - 20} width={68} height={40} rx={8} />
        <text x={place.x(last + 1)} y={place.height / 2 + 4}>
          {frame.phase === "forward" ? "L" : short(story.loss.value)}
        </text>
        <text class="caption" x={place.x(last + 1)} y={place.height / 2 + 38}>
          {say("target")}{" "}
          {target
            .slice(0, 4)
            .map((v) => short(v, 2))
            .join(" ")}
        </text>
      </g>
    </svg>
  );
}
