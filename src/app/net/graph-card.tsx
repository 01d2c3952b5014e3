import { signal } from "@preact/signals";
import { shapeText, sizeOf } from "../../core/ndarray.ts";
import { shapesOf } from "../../nn/shapes.ts";
import { count } from "../draw/format.ts";
import { Card } from "../shell/card.tsx";
import { Scroll } from "../shell/scroll.tsx";
import { netDrawn } from "../state/editing.ts";
import { current } from "./editor.ts";
import { type Item, itemsOf } from "./items.ts";
import { type Layout, layoutOf, NODE, pathOf } from "./layout.ts";
import { say } from "./strings.ts";
import "./graph.css";

/** Nets of so many layers are drawn block by block at first. */
const MANY = 20;

/** Whether blocks are folded; null where the number of layers decides. */
const folding = signal<boolean | null>(null);

/** What a layer is for, which gives its box a colour. */
function familyOf(type: string | null): string {
  if (type === null) return "block";
  if (/^(conv|linear)/.test(type)) return "weights";
  if (/Norm/.test(type)) return "norm";
  if (/Pool|upsample|pad|flatten|reshape|permute/.test(type)) return "shape";
  if (/^(add|multiply|concat)$/.test(type)) return "joint";
  return "plain";
}

function Node(props: {
  x: number;
  y: number;
  family: string;
  title: string;
  shape: string;
  left: string;
  right: string;
}) {
  const { x, y } = props;
  return (
    <g class={`node ${props.family}`} transform={`translate(${x} ${y})`}>
      <title>{`${props.title} ${props.left}`}</title>
      <rect width={NODE.width} height={NODE.height} rx="7" />
      <rect class="stripe" width="4" height={NODE.height - 14} x="5" y="7" rx="2" />
      <text x="16" y="18" class="what">
        {props.title}
      </text>
      <text x={NODE.width - 9} y="18" class="end">
        {props.shape}
      </text>
      <text x="16" y="34" class="small">
        {props.left.length > 20 ? `…${props.left.slice(-19)}` : props.left}
      </text>
      <text x={NODE.width - 9} y="34" class="end small">
        {props.right}
      </text>
    </g>
  );
}

function Drawing({ items, input, layout }: { items: readonly Item[]; input: readonly number[]; layout: Layout }) {
  const { width, height, places, lines } = layout;
  const parameters = items.reduce((sum, item) => sum + item.parameters, 0);
  const layers = items.reduce((sum, item) => sum + item.layers, 0);
  return (
    <svg
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={say("drawingLabel", { layers, parameters: count(parameters) })}
    >
      <defs>
        <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
          <path d="M0 0 8 4 0 8z" class="head" />
        </marker>
      </defs>
      {lines.map((line) => (
        <path
          key={`${line.from}-${line.to}`}
          class={`edge ${line.passes ? "passes" : ""}`}
          data-edge={`${line.from}-${line.to}`}
          d={pathOf(line.points)}
          marker-end="url(#arrow)"
        />
      ))}
      <Node
        {...places[0]!}
        family="plain"
        title={say("input").toLowerCase()}
        shape={shapeText(input)}
        left=""
        right=""
      />
      {items.map((item, i) => (
        <Node
          key={item.called}
          {...places[i + 1]!}
          family={familyOf(item.type)}
          title={item.type ?? item.called}
          shape={shapeText(item.shape)}
          left={item.type === null ? say("block", { count: item.layers }) : item.called}
          right={item.parameters > 0 ? count(item.parameters) : ""}
        />
      ))}
    </svg>
  );
}

/** The net with its branches: each layer, what it gives, and what reads it. */
export function GraphCard() {
  const model = current.value;
  const folded = folding.value ?? model.layers.length >= MANY;
  const items = itemsOf(model, folded);
  const canFold = itemsOf(model, true).length < model.layers.length;
  const { input } = shapesOf(model);
  const nameOf = (i: number): string => (i < 0 ? say("input").toLowerCase() : items[i]!.called);
  return (
    <Card
      title={say("drawing")}
      part="drawing"
      id="drawing"
      actions={
        <>
          {canFold && (
            <button
              type="button"
              id="fold"
              onClick={() => {
                folding.value = !folded;
              }}
            >
              {say(folded ? "unfold" : "fold")}
            </button>
          )}
          <button
            type="button"
            aria-label={say("hide")}
            onClick={() => {
              netDrawn.value = false;
            }}
          >
            ×
          </button>
        </>
      }
    >
      <p class="soft">{say("drawingText")}</p>
      <Scroll class="graph" label={say("drawing")}>
        <Drawing items={items} input={input} layout={layoutOf(items.map((item) => item.sources))} />
      </Scroll>
      <details>
        <summary>{say("asText")}</summary>
        <ol class="graph-text">
          {items.map((item) => (
            <li key={item.called}>
              <b>{item.type ?? say("block", { count: item.layers })}</b> {item.called}:{" "}
              {say("reads", { from: item.sources.map(nameOf).join(", ") })},{" "}
              {say("gives", { shape: shapeText(item.shape) })}
              {item.parameters > 0 && <>, {say("parameters", { count: count(item.parameters) })}</>}
            </li>
          ))}
        </ol>
        <p class="soft">
          {say("output")}: {model.loss}, {shapeText([sizeOf(items.at(-1)!.shape)])}
        </p>
      </details>
    </Card>
  );
}
