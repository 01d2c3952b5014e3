import { useSignal } from "@preact/signals";
import { Choice, Typed } from "../data/field.tsx";
import { count } from "../draw/format.ts";
import { pasting } from "../state/folder.ts";
import { type TextNet, textNets, textTraining, tokenKinds } from "../state/settings.ts";
import { change, own, settings } from "../state/store.ts";
import { nameOfNet, netOf } from "../state/text-run.ts";
import { learn } from "./read.ts";
import { reread } from "./reread.ts";
import { say, type TextKey } from "./strings.ts";
import "./text.css";

function Paste() {
  const text = useSignal("");
  return (
    <>
      <label for="text-pasted">{say("paste")}</label>
      <textarea
        id="text-pasted"
        rows={5}
        value={text.value}
        onInput={(e) => {
          text.value = e.currentTarget.value;
        }}
      />
      <button
        type="button"
        id="text-train"
        disabled={text.value.trim() === ""}
        onClick={() => {
          learn({ name: say("pasted"), documents: [text.value], column: null });
        }}
      >
        {say("train")}
      </button>
    </>
  );
}

/** What a model that is none of the offered ones is called here. */
const OTHER = "own";

/** What of a text becomes tokens and windows, by which net; and a place to paste one. */
export function TextPart() {
  const { text, graph } = settings.value;
  const read = own.value?.text;
  const net = (read && graph && nameOfNet(graph.model, read)) ?? OTHER;
  const names = Object.keys(textNets) as TextNet[];
  // A file's tokens cannot be asked for before there is one.
  const kinds = text?.tokens === "file" ? [...tokenKinds, text.tokens] : tokenKinds;
  const most = read?.mostLength ?? 1;
  return (
    <section class="folder" id="text-part" aria-label={say("part")}>
      {pasting.value && <Paste />}
      {text && (
        <>
          <Choice
            id="text-tokens"
            label={say("tokens")}
            value={text.tokens}
            names={kinds}
            show={(kind) => (kind === "file" ? say(kind, { name: read?.tokenizer ?? "" }) : say(kind))}
            onChoose={(tokens) => reread({ tokens })}
          />
          <Typed
            id="text-length"
            label={say("length")}
            value={String(text.length)}
            commit={(typed) => {
              const length = Number(typed);
              if (!Number.isInteger(length) || length < 1 || length > most) return say("errorLength", { most });
              reread({ length });
              return null;
            }}
          />
          <Choice
            id="text-net"
            label={say("net")}
            value={net}
            names={net === OTHER ? [...names, net] : names}
            show={(name) => say(`net-${name}` as TextKey)}
            onChoose={(name) => {
              if (name === OTHER || !own.value) return;
              netOf(name, own.value).then((graph) => change({ graph, ...textTraining(name) }));
            }}
          />
          {read && (
            <p class="soft" id="text-read">
              {say("vocabulary", { n: count(read.vocabulary), bytes: read.bytesPerToken.toFixed(2) })}
            </p>
          )}
        </>
      )}
    </section>
  );
}
