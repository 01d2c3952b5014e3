import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { largest } from "../../draw/canvas.tsx";
import { CLASSES, KERNEL } from "../../worker/conv-sizes.ts";
import type { ConvStory } from "../../worker/conv-story.ts";
import { beyondKey, brief, Cell as FilmCell, follow, keyOf, walk } from "../film/cells.tsx";
import { say as words } from "../film/strings.ts";
import {
  type Cell,
  type Frame,
  hasWon,
  isKnown,
  type MapName,
  mapNames,
  mapOf,
  placeOf,
  showsDeltas,
} from "./frames.ts";
import { chosen, edit, film } from "./state.ts";
import { type ConvKey, say } from "./strings.ts";
import { sumUpTo } from "./terms.ts";

interface Props {
  readonly s: ConvStory;
  readonly frame: Frame;
  /** What is explained, and what it is made of. */
  readonly about: Cell;
  readonly lit: ReadonlySet<string>;
}

/** What each map is called at a picture. */
export function captionOf(frame: Frame, map: MapName): string {
  const name = say(`map${map}`);
  return showsDeltas(frame, map) ? words("gradientOf", { map: name.split(" ").at(-1)! }) : name;
}

function Grid({ s, frame, about, lit, map, channel, ring }: Props & { map: MapName; channel: number; ring: number }) {
  const maps = mapOf(s, map);
  const { side } = maps;
  const shown = shownOf(s, frame, map);
  const most = largest(shown);
  const editable = map === "input" || map === "kernels";
  const first = channel * side ** 2;
  const isHere = about.map === map && (map === "outputs" || placeOf(maps, about.index).channel === channel);
  const reached = isHere ? about.index : first;
  const rows = map === "outputs" ? CLASSES : side;
  const cell = (row: number, column: number) => {
    const index = map === "outputs" ? row : first + row * side + column;
    const me: Cell = { map, index };
    const known = isKnown(s, frame, me);
    const v = shown[index]!;
    const won = map === "relu" && hasWon(s, frame, index);
    const value = known ? brief(v) : words("unknown");
    const where =
      map === "outputs"
        ? `${say(`class${row}` as ConvKey)}: ${value}`
        : words("cell", { row: row + 1, column: column + 1, value });
    const kernel = maps.channels > 1 && map !== "outputs" ? say("channel", { n: channel + 1 }) : "";
    const label = `${kernel}${where}${won ? `, ${say("won")}` : ""}`;
    const classes = [
      keyOf(about) === keyOf(me) ? "about" : lit.has(keyOf(me)) ? "lit" : "",
      won ? "won" : "",
      editable && keyOf(chosen.value) === keyOf(me) ? "chosen" : "",
    ];
    return (
      <td key={column}>
        <FilmCell
          id={keyOf(me)}
          row={row}
          column={column}
          value={known ? v : null}
          most={most}
          label={label}
          class={classes.join(" ")}
          reached={index === reached}
          onLook={(on) => {
            film.looked.value = on ? me : null;
          }}
          onClick={() => {
            if (!editable) return;
            chosen.value = me;
            if (map === "input") edit(me, s.input.values[index] === 0 ? 1 : 0);
          }}
        />
      </td>
    );
  };
  const edge = (row: number, column: number) => (
    <td key={column} class={lit.has(beyondKey(row, column)) ? "beyond lit" : "beyond"}>
      0
    </td>
  );
  const all = Array.from({ length: side + 2 * ring }, (_, i) => i);
  const line = (row: number): ComponentChildren =>
    map === "outputs"
      ? [
          <th key="name" scope="row">
            {say(`class${row}` as ConvKey)}
          </th>,
          cell(row, 0),
        ]
      : all.map((c) =>
          row < 0 || row >= side || c < ring || c >= side + ring ? edge(row, c - ring) : cell(row, c - ring),
        );
  return (
    <table class="map" aria-label={captionOf(frame, map)} onKeyDown={walk}>
      <tbody>
        {Array.from({ length: rows + 2 * ring }, (_, r) => (
          <tr key={r}>{line(r - ring)}</tr>
        ))}
      </tbody>
    </table>
  );
}

/** What a map shows: of a kernel's gradient, while the film adds it up, as much as there is. */
function shownOf(s: ConvStory, frame: Frame, map: MapName): readonly number[] {
  const { values, deltas } = mapOf(s, map);
  if (!showsDeltas(frame, map)) return values;
  if (map !== "kernels" || frame.phase !== "kernel") return deltas;
  const { channel } = placeOf(s.conv, frame.cell.index);
  const first = channel * KERNEL ** 2;
  return [...deltas.slice(0, first), ...sumUpTo(s, frame.cell.index), ...deltas.slice(first + KERNEL ** 2)];
}

/** All maps of the net with their numbers, in the order in which values flow. */
export function Maps(props: Props) {
  const { s, frame } = props;
  const maps = useRef<HTMLDivElement>(null);
  // The pointer never moves them.
  useLayoutEffect(() => {
    const stage = maps.current?.parentElement;
    if (stage) follow(stage);
  }, [frame]);
  return (
    <div class="maps" ref={maps}>
      {mapNames.map((map) => (
        <figure key={map} class={showsDeltas(frame, map) ? "back" : ""} data-map={map}>
          <figcaption>{captionOf(frame, map)}</figcaption>
          {Array.from({ length: map === "outputs" ? 1 : mapOf(s, map).channels }, (_, channel) => (
            <Grid
              key={channel}
              {...props}
              map={map}
              channel={channel}
              ring={map === "input" && !showsDeltas(frame, map) ? s.padding : 0}
            />
          ))}
        </figure>
      ))}
    </div>
  );
}
