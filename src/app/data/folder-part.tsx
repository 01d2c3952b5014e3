import { useSignal } from "@preact/signals";
import { proxy } from "comlink";
import { useEffect, useRef } from "preact/hooks";
import { count } from "../draw/format.ts";
import { engine } from "../state/engine.ts";
import { folderSource, missing } from "../state/folder.ts";
import { problem, trainOnOwn } from "../state/store.ts";
import type { ImagesNews } from "../worker/types.ts";
import { Choice } from "./field.tsx";
import { type Folder, folderOfEntry, folderOfFiles, MOST_FILES } from "./folder.ts";
import { say } from "./folder-strings.ts";

const SIDES = ["8", "16", "28", "32", "64"] as const;
/** Class names that are listed; the rest is counted. */
const MOST_NAMES = 6;

const close = (): void => {
  folderSource.value = null;
};

/** What a chosen folder holds, the size to scale it to, and how far that is. */
export function FolderPart() {
  const source = folderSource.value;
  const folder = useSignal<Folder | null>(null);
  const side = useSignal<(typeof SIDES)[number]>("28");
  const news = useSignal<ImagesNews | null>(null);
  const stopped = useRef(false);
  useEffect(() => {
    folder.value = null;
    news.value = null;
    stopped.current = false;
    if (!source) return;
    const found = "entry" in source ? folderOfEntry(source.entry) : Promise.resolve(folderOfFiles(source.files));
    found.then(
      (f) => {
        folder.value = f;
      },
      (error: unknown) => {
        problem.value = String(error);
        close();
      },
    );
  }, [source]);
  const f = folder.value;
  if (!f) return <p class="soft">{say("looking", { name: source && "entry" in source ? source.entry.name : "" })}</p>;

  const cancel = (): void => {
    stopped.current = true;
    if (news.value) void engine.cancelImages();
    else close();
  };
  const take = async (): Promise<void> => {
    news.value = { done: 0, of: f.files.length, left: 0 };
    const listener = proxy((n: ImagesNews) => {
      news.value = n;
    });
    try {
      const given = { name: f.name, files: f.files, side: Number(side.value), unreadable: missing.value };
      const info = await engine.images(given, listener);
      close();
      await trainOnOwn(async () => info);
    } catch (error) {
      if (!stopped.current) problem.value = error instanceof Error ? error.message : String(error);
      close();
    }
  };
  const numbers = { images: count(f.files.length), classes: f.classes.length };
  const names = f.classes.slice(0, MOST_NAMES).join(", ") + (f.classes.length > MOST_NAMES ? " …" : "");
  const n = news.value;
  return (
    <section class="folder" id="folder-part" aria-label={say("folder", { name: f.name })}>
      <p class="soft" id="folder-found">
        {f.classes.length < 2 ? say("tooFew", numbers) : say("found", { ...numbers, names })}
        {f.tooMany && ` ${say("tooMany", { most: count(MOST_FILES) })}`}
      </p>
      {n ? (
        <p class="soft" role="status" id="folder-progress">
          <progress value={n.done} max={n.of} aria-label={say("take")} />{" "}
          {say("progress", { done: count(n.done), of: count(n.of), left: count(n.left) })}
        </p>
      ) : (
        f.classes.length >= 2 && (
          <Choice
            id="folder-side"
            label={say("side")}
            value={side.value}
            names={SIDES}
            show={(s) => say("grey", { side: s })}
            onChoose={(s) => {
              side.value = s;
            }}
          />
        )
      )}
      <div class="buttons">
        {!n && f.classes.length >= 2 && (
          <button type="button" id="folder-take" onClick={take}>
            {say("take")}
          </button>
        )}
        <button type="button" id="folder-cancel" onClick={cancel}>
          {say("cancel")}
        </button>
      </div>
    </section>
  );
}
