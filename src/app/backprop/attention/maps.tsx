import { useLayoutEffect, useRef } from "preact/hooks";
import { largest } from "../../draw/canvas.tsx";
import { isHidden } from "../../worker/attention-sizes.ts";
import type { AttentionStory } from "../../worker/attention-story.ts";
import { brief, Cell as FilmCell, follow, keyOf, walk } from "../film/cells.tsx";
import { say as words } from "../film/strings.ts";
import {
  type Cell,
  columns,
  editable,
  type Frame,
  isKnown,
  type MapName,
  mapOf,
  shownOf,
  showsDeltas,
} from "./frames.ts";
import { chosen, film } from "./state.ts";
import { say } from "./strings.ts";

interface Props {
  readonly s: AttentionStory;
  readonly frame: Frame;
  /** What is explained, and what it is made of. */
  readonly about: Cell;
  readonly lit: ReadonlySet<string>;
}

/** What each map is called at a picture: its letter alone where it shows gradients. */
function captionOf(frame: Frame, map: MapName): string {
  const name = say(`map${map}`);
  return showsDeltas(frame, map) ? words("gradientOf", { map: name.split(" ").at(-1)! }) : name;
}

/** Rows are steps in these, columns in those. */
const stepsDown: readonly MapName[] = ["x", "k", "v"];
const stepsAcross: readonly MapName[] = ["scores", "weights"];

function Grid({ s, frame, about, lit, map }: Props & { map: MapName }) {
  const { rows, columns: n } = mapOf(s, map);
  const shown = shownOf(s, frame, map);
  const most = largest(shown.filter(Number.isFinite));
  const reached = about.map === map ? about.index : 0;
  const cell = (row: number, column: number) => {
    const index = row * n + column;
    const me: Cell = { map, index };
    const known = isKnown(frame, me);
    const value = known ? brief(shown[index]!) : words("unknown");
    const hidden = map === "scores" && isHidden(s, column);
    const label = words("cell", { row: row + 1, column: column + 1, value });
    const classes = [
      keyOf(about) === keyOf(me) ? "about" : lit.has(keyOf(me)) ? "lit" : "",
      editable.includes(map) && keyOf(chosen.value) === keyOf(me) ? "chosen" : "",
    ];
    return (
      <td key={column}>
        <FilmCell
          id={keyOf(me)}
          row={row}
          column={column}
          value={known ? shown[index]! : null}
          most={most}
          label={hidden ? `${label}, ${say("hidden")}` : label}
          class={classes.join(" ")}
          reached={index === reached}
          onLook={(on) => {
            film.looked.value = on ? me : null;
          }}
          onClick={() => {
            if (editable.includes(map)) chosen.value = me;
          }}
        />
      </td>
    );
  };
  const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);
  const step = (i: number) => (i === s.query ? <b>{i + 1}</b> : i + 1);
  return (
    <table class="map" aria-label={captionOf(frame, map)} onKeyDown={walk}>
      {stepsAcross.includes(map) && (
        <thead>
          <tr>
            {range(n).map((c) => (
              <th key={c} scope="col">
                {step(c)}
              </th>
            ))}
          </tr>
        </thead>
      )}
      <tbody>
        {range(rows).map((r) => (
          <tr key={r}>
            {stepsDown.includes(map) && <th scope="row">{step(r)}</th>}
            {range(n).map((c) => cell(r, c))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** All maps with their numbers, in the order in which values flow. */
export function Maps(props: Props) {
  const { frame } = props;
  const maps = useRef<HTMLDivElement>(null);
  // The pointer never moves them.
  useLayoutEffect(() => {
    const stage = maps.current?.parentElement;
    if (stage) follow(stage);
  }, [frame]);
  return (
    <div class="maps" ref={maps}>
      {columns.map((list) => (
        <div key={list[0]} class="map-column">
          {list.map((map) => (
            <figure key={map} class={showsDeltas(frame, map) ? "back" : ""} data-map={map}>
              <figcaption>{captionOf(frame, map)}</figcaption>
              <Grid {...props} map={map} />
            </figure>
          ))}
        </div>
      ))}
    </div>
  );
}
