import { useSignal } from "@preact/signals";
import { save } from "../draw/save.ts";
import { CopyButton } from "../shell/copy-button.tsx";
import { Dialog } from "../shell/dialog.tsx";
import { Scroll } from "../shell/scroll.tsx";
import { codeOpen } from "../state/dialogs.ts";
import { engine } from "../state/engine.ts";
import { modelOf, OWN } from "../state/settings.ts";
import { own, settings } from "../state/store.ts";
import { type ExportKind, exportKinds } from "../worker/types.ts";
import "./code.css";
import { commandCode, libraryCode, torchCode } from "./snippets.ts";
import { say } from "./strings.ts";

const kinds = { library: libraryCode, command: commandCode, pytorch: torchCode } as const;
type Kind = keyof typeof kinds;

/** The net and the run as they are now, as files. */
function Downloads() {
  const failed = useSignal<string | null>(null);
  const take = async (kind: ExportKind): Promise<void> => {
    try {
      const { name, bytes } = await engine.exportFile(kind);
      failed.value = null;
      save(name, new Blob([bytes as Uint8Array<ArrayBuffer>]));
    } catch (cause) {
      failed.value = cause instanceof Error ? cause.message : String(cause);
    }
  };
  return (
    <>
      <p>{say("files")}</p>
      <div class="buttons">
        {exportKinds.map((kind) => (
          <button key={kind} type="button" id={`export-${kind}`} onClick={() => take(kind)}>
            {say(`file-${kind}`)}
          </button>
        ))}
      </div>
      {failed.value && (
        <p class="error" role="alert" id="export-error">
          {failed.value}
        </p>
      )}
    </>
  );
}

/** What is on the screen, as code for elsewhere. */
export function CodeDialog() {
  const kind = useSignal<Kind>("library");
  // Code is taken of the right net, whatever is broken on the page.
  const s = { ...settings.value, fault: "none" } as const;
  const file = own.value?.text ?? { column: null, start: "" };
  const code = kinds[kind.value]({ settings: s, model: modelOf(s, own.value), file });
  return (
    <Dialog
      title={say("title")}
      id="code-dialog"
      onClose={() => {
        codeOpen.value = false;
      }}
    >
      <p class="soft">{say("intro")}</p>
      <div class="buttons" role="group" aria-label={say("which")}>
        {(Object.keys(kinds) as Kind[]).map((k) => (
          <button
            key={k}
            type="button"
            id={`code-${k}`}
            aria-pressed={kind.value === k}
            onClick={() => {
              kind.value = k;
            }}
          >
            {say(k)}
          </button>
        ))}
      </div>
      <Scroll class="snippet" label={say(kind.value)}>
        <pre id="snippet">{code}</pre>
      </Scroll>
      <div class="buttons">
        <CopyButton text={() => code} id="copy-code" />
        <CopyButton text={() => location.href} label={say("link")} />
      </div>
      <Downloads />
      {s.data === OWN && (
        <p class="soft">{say(!s.text ? "ownData" : file.column === null ? "ownText" : "ownDocuments")}</p>
      )}
      {s.text?.tokens === "file" && <p class="soft">{say("ownTokenizer")}</p>}
      {settings.value.fault !== "none" && <p class="soft">{say("fault")}</p>}
      {kind.value === "pytorch" && <p class="soft">{say("torchNote")}</p>}
    </Dialog>
  );
}
