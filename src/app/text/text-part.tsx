import { useSignal } from "@preact/signals";
import { Choice, Typed } from "../data/field.tsx";
import { count } from "../draw/format.ts";
import { pasting } from "../state/folder.ts";
import { tokenKinds } from "../state/settings.ts";
import { change, own, settings } from "../state/store.ts";
import { textNets } from "../state/text-nets.ts";
import { netOf } from "../state/text-run.ts";
import { learn } from "./read.ts";
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
        disabled={text.value === ""}
        onClick={() => {
          pasting.value = false;
          learn({ name: say("pasted"), text: text.value });
        }}
      >
        {say("train")}
      </button>
    </>
  );
}

/** Which of the offered nets the run's is; "own" where it is none of them. */
function chosenNet(): string {
  const [text, graph] = [own.value?.text, settings.value.graph];
  if (!text || !graph) return "own";
  const said = JSON.stringify(graph.model.layers);
  const same = (name: string) => JSON.stringify(textNets[name]!(text.vocabulary, text.length).layers) === said;
  return Object.keys(textNets).find(same) ?? "own";
}

const whole = (text: string): number | null => {
  const v = Number(text);
  return Number.isInteger(v) && v >= 1 && v <= 1024 ? v : null;
};

/** What of a text becomes tokens and windows, by which net; and a place to paste one. */
export function TextPart() {
  const { text } = settings.value;
  const read = own.value?.text;
  const net = chosenNet();
  const names = Object.keys(textNets);
  return (
    <section class="folder" id="text-part" aria-label={say("part")}>
      {pasting.value && <Paste />}
      {text && (
        <>
          <Choice
            id="text-tokens"
            label={say("tokens")}
            value={text.tokens}
            names={tokenKinds}
            show={(kind) => say(kind)}
            onChoose={(tokens) => change({ text: { ...text, tokens } })}
          />
          <Typed
            id="text-length"
            label={say("length")}
            value={String(text.length)}
            commit={(typed) => {
              const length = whole(typed);
              if (length === null) return say("errorLength");
              change({ text: { ...text, length } });
              return null;
            }}
          />
          <Choice
            id="text-net"
            label={say("net")}
            value={net}
            names={net === "own" ? [...names, net] : names}
            show={(name) => say(`net-${name}` as TextKey)}
            onChoose={(name) => {
              if (name !== "own" && own.value) netOf(name, own.value).then((graph) => change({ graph }));
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
