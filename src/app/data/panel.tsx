import { optimizerNames } from "../../ops/names.ts";
import { count } from "../draw/format.ts";
import { Card } from "../shell/card.tsx";
import { lazy } from "../shell/lazy.tsx";
import { folderSource, missing, pasting, tableFiles } from "../state/folder.ts";
import { devices, OWN, presetNames, problemWith, texts } from "../state/settings.ts";
import { change, own, run, settings, weightsAsked } from "../state/store.ts";
import "./panel.css";
import { Choice, Typed } from "./field.tsx";
import { NetBuilder } from "./net-builder.tsx";
import { PaintButton } from "./paint.tsx";
import { type DataKey, say } from "./strings.ts";

const WeightsPart = lazy(async () => (await import("./weights-part.tsx")).WeightsPart);
const TablePart = lazy(async () => (await import("./table-part.tsx")).TablePart);
const TextPart = lazy(async () => (await import("../text/text-part.tsx")).TextPart);
const FolderPart = lazy(async () => (await import("./folder-part.tsx")).FolderPart);

/** What becomes of files is fetched with the first of them. */
const taking = () => import("./take-files.ts");

/** A dropped folder's entries can only be asked for while the event lasts. */
function takeDrop(transfer: DataTransfer | null): void {
  const entries = [...(transfer?.items ?? [])].map((item) => item.webkitGetAsEntry());
  const folder = entries.find((entry): entry is FileSystemDirectoryEntry => entry?.isDirectory === true);
  const files = [...(transfer?.files ?? [])];
  taking().then((take) => take.takeDrop(folder, files));
}

function DataCard() {
  const s = settings.value;
  const info = run.value;
  const names = [
    ...presetNames,
    ...Object.keys(texts),
    ...((own.value ? !own.value.text?.preset : s.data === OWN) ? [OWN] : []),
  ];
  return (
    <Card title={say("data")} part="data" id="data">
      <Choice
        id="field-data"
        label={own.value && s.data === OWN ? own.value.name : say("data")}
        bare={s.data !== OWN}
        value={s.data}
        names={names}
        show={(name) => say(name as DataKey)}
        onChoose={(data) => change({ data })}
      />
      {info && (
        <p class="soft" id="rows">
          {say(info.testRows > 0 ? "rows" : "rowsOnly", { train: count(info.rows), test: count(info.testRows) })}
        </p>
      )}
      {tableFiles.value.length > 0 && <TablePart />}
      {(s.text || pasting.value) && <TextPart />}
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the button inside does the same for keyboards */}
      <div
        class="drop"
        id="drop"
        onDragOver={(e) => e.preventDefault()}
        onDrop={(e) => {
          e.preventDefault();
          takeDrop(e.dataTransfer);
        }}
      >
        <p class="soft">{say("dropHere")}</p>
        <p class="soft">{say("dropNet")}</p>
        <div class="buttons">
          <label class="file">
            <input
              type="file"
              id="file"
              multiple
              onChange={(e) => {
                const files = [...(e.currentTarget.files ?? [])];
                taking().then((take) => take.takeFiles(files));
                e.currentTarget.value = "";
              }}
            />
            <span>{say("chooseFile")}</span>
          </label>
          <label class="file">
            <input
              type="file"
              id="folder"
              multiple
              ref={(input) => {
                if (input) input.webkitdirectory = true;
              }}
              onChange={(e) => {
                folderSource.value = { files: [...(e.currentTarget.files ?? [])] };
                e.currentTarget.value = "";
              }}
            />
            <span>{say("chooseFolder")}</span>
          </label>
          <button
            type="button"
            id="paste-text"
            aria-pressed={pasting.value}
            onClick={() => {
              pasting.value = !pasting.value;
            }}
          >
            {say("pasteText")}
          </button>
          <PaintButton label={say("paint")} />
        </div>
        {folderSource.value && <FolderPart />}
        {weightsAsked.value && <WeightsPart />}
        <label class="inline">
          <input
            type="checkbox"
            id="missing"
            checked={missing.value === "drop"}
            onChange={(e) => {
              missing.value = e.currentTarget.checked ? "drop" : "refuse";
            }}
          />
          {say("leaveOut")}
        </label>
      </div>
    </Card>
  );
}

const numberOf = (text: string): number => (text === "" ? Number.NaN : Number(text));

function Setting(props: { name: "lr" | "batch" | "seed"; word: DataKey; hint?: DataKey }) {
  const value = settings.value[props.name];
  return (
    <Typed
      id={`field-${props.name}`}
      label={say(props.word)}
      {...(props.hint ? { hint: say(props.hint) } : {})}
      value={String(value)}
      commit={(text) => {
        const next = props.name === "batch" && text === "full" ? "full" : numberOf(text);
        const wrong = problemWith(props.name, next);
        if (wrong) return say(wrong);
        change({ [props.name]: next });
        return null;
      }}
    />
  );
}

/** Everything that decides a run, beside every room that shows one. */
export function Panel() {
  const s = settings.value;
  return (
    <section class="panel" aria-label={say("panel")}>
      <DataCard />
      <NetBuilder />
      <Card title={say("training")} part="settings" id="settings" class="settings">
        <Choice
          id="field-optimizer"
          label={say("optimizer")}
          value={s.optimizer}
          names={optimizerNames}
          onChoose={(optimizer) => change({ optimizer })}
        />
        <Setting name="lr" word="rate" />
        <Setting name="batch" word="batch" hint="batchHint" />
        <Setting name="seed" word="seed" />
        <Choice
          id="field-device"
          label={say("device")}
          value={s.device}
          names={devices}
          show={(name) => say(`device${name}`)}
          onChoose={(device) => change({ device })}
        />
      </Card>
    </section>
  );
}
