import { useSignal } from "@preact/signals";
import { Canvas, imageOf } from "../draw/canvas.tsx";
import { token } from "../draw/colours.ts";
import { percent } from "../draw/format.ts";
import type { TextLook } from "../worker/types.ts";
import { shownAs } from "./piece.ts";
import { say } from "./strings.ts";

const SIDE = 132;
/** Share of the colour behind the piece that a step looks at most: what is written there stays legible. */
const FULL = 40;

/** Every row beside its largest: of many steps each looks at little. */
function shares(weights: Float32Array, n: number): Float32Array {
  return weights.map((v, i) => {
    const row = weights.subarray(i - (i % n), i - (i % n) + n);
    return v / (Math.max(...row) || 1);
  });
}

/** Within a line of text. */
const inLine = (piece: string): string => (piece === " " ? "␣" : piece === "\n" ? "↵" : shownAs(piece));

interface HeadProps {
  readonly found: TextLook;
  readonly head: TextLook["heads"][number];
  /** The step whose row is told. */
  readonly at: number;
  readonly choose: (step: number) => void;
}

/** One head: the map of all its steps, and in words and on the text itself what one of them looks at. */
function Head({ found, head: { layer, head, weights }, at, choose }: HeadProps) {
  const n = found.pieces.length;
  const beside = shares(weights, n);
  const row = weights.subarray(at * n, (at + 1) * n);
  const most = row.reduce((best, v, j) => (v > row[best]! ? j : best), 0);
  const name = { layer, n: head + 1 };
  const looks = { at: at + 1, step: most + 1, piece: shownAs(found.pieces[most]!), share: percent(row[most]!, 0) };
  return (
    <figure>
      <figcaption class="soft">{say("head", name)}</figcaption>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the slider above does the same for keyboards */}
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: as above */}
      <div
        class="text-map"
        onClick={(e) => {
          const box = e.currentTarget.getBoundingClientRect();
          choose(Math.max(0, Math.min(n - 1, Math.floor(((e.clientY - box.top) / box.height) * n))));
        }}
      >
        <Canvas
          width={SIDE}
          height={SIDE}
          label={say("headLooks", { ...name, ...looks })}
          of={[weights, at]}
          draw={(c) => {
            c.imageSmoothingEnabled = false;
            c.drawImage(imageOf(beside, n, 1), 0, 0, SIDE, SIDE);
            c.strokeStyle = token("--text");
            c.strokeRect(0.5, (at / n) * SIDE + 0.5, SIDE - 1, Math.max(2, SIDE / n - 1));
          }}
        />
      </div>
      <p class="text-pieces" aria-hidden="true">
        {found.pieces.map((piece, j) => (
          <span
            key={`${j} ${piece}`}
            class={j === at ? "at" : ""}
            title={percent(row[j]!, 1)}
            style={{ "--share": `${Math.round(FULL * beside[at * n + j]!)}%` }}
          >
            {inLine(piece)}
          </span>
        ))}
      </p>
    </figure>
  );
}

/** What each head looks at from one step of what is typed: the last, until another is chosen. */
export function Heads({ found }: { found: TextLook }) {
  const last = found.pieces.length - 1;
  /** Counted from the end, where one types. */
  const back = useSignal(0);
  const at = Math.max(0, last - back.value);
  const choose = (step: number): void => {
    back.value = last - step;
  };
  return (
    <>
      <h3>{say("heads")}</h3>
      <p class="soft">{say("headsText")}</p>
      <label class="inline text-from">
        {say("from")}
        <input
          type="range"
          id="text-from"
          min={0}
          max={last}
          value={at}
          aria-valuetext={say("fromStep", { step: at + 1, piece: shownAs(found.pieces[at]!) })}
          onInput={(e) => choose(Number(e.currentTarget.value))}
        />
        <span class="soft">{say("fromStep", { step: at + 1, piece: shownAs(found.pieces[at]!) })}</span>
      </label>
      <div class="text-heads" id="text-heads">
        {found.heads.map((head) => (
          <Head key={`${head.layer} ${head.head}`} found={found} head={head} at={at} choose={choose} />
        ))}
      </div>
    </>
  );
}
