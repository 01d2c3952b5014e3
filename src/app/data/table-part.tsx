import { nameList, namesOf } from "../../data/column-names.ts";
import { missingTexts } from "../../data/csv-format.ts";
import { count } from "../draw/format.ts";
import { missing, readFiles, tableChoice, tableFiles } from "../state/folder.ts";
import { OWN } from "../state/settings.ts";
import { own, problem, settings, trainOn } from "../state/store.ts";
import type { OwnTable, TableChoice } from "../worker/types.ts";
import { Choice, Typed } from "./field.tsx";
import { say } from "./table-strings.ts";

/** How numbers may be written, as one of them looks. */
const marks = {
  "1234.5": {},
  "1,234.5": { thousands: "," },
  "1234,5": { decimal: "," },
  "1.234,5": { decimal: ",", thousands: "." },
  "1 234,5": { decimal: ",", thousands: " " },
  "1 234.5": { thousands: " " },
  "1_234.5": { thousands: "_" },
  "1'234.5": { thousands: "'" },
} as const satisfies Readonly<Record<string, Pick<TableChoice, "decimal" | "thousands">>>;
type Mark = keyof typeof marks;
const markNames = Object.keys(marks) as Mark[];

/** Tables of text, in which what a number looks like is open. */
const TEXTS = /\.(csv|tsv|tab|txt)(\.gz)?$/i;
/** Names that are listed; the rest is counted. */
const MOST_NAMES = 12;
/** Notices that are shown. */
const MOST_NOTICES = 6;

/** Reads the same files again, as they are meant. */
async function choose(next: TableChoice): Promise<void> {
  tableChoice.value = next;
  trainOn({ files: await readFiles(tableFiles.value), missing: missing.value, table: next });
}

const listed = (names: readonly string[]): string =>
  names.length > MOST_NAMES ? `${names.slice(0, MOST_NAMES).join(", ")} …` : names.join(", ");

/** What is predicted from what, and what was left out. */
function lineOf(t: OwnTable): string {
  const kinds = [
    ["numbers", t.numbers] as const,
    ["categories", t.categories.map(({ name, values }) => `${name} (${values})`)] as const,
  ];
  const from = kinds.flatMap(([key, names]) => (names.length > 0 ? [say(key, { names: listed(names) })] : []));
  const several = t.labels.length > 1;
  const what = {
    label: t.labels.join(", "),
    n: count(several ? t.labels.length : t.classes),
    from: from.join("; "),
  };
  const kind = t.task === "classification" ? "classes" : t.task === "multilabel" ? "labels" : "number";
  const why = t.dropped.columns.map(({ column, rows }) => say("missing", { column, n: count(rows) })).join(", ");
  return [
    say(several && kind === "number" ? "severalNumbers" : kind, what),
    ...(t.dropped.rows > 0 ? [say("dropped", { n: count(t.dropped.rows), why })] : []),
    ...(t.ignored.length > 0 ? [say("ignored", { names: t.ignored.map(called).join(", ") })] : []),
  ].join(" ");
}

/** Columns without a name are told by their number. */
function called(column: string | number): string {
  return typeof column === "number" ? say("nameless", { n: column }) : column;
}

/** Of a dropped table, or of arrays: what is predicted, as what, and from which columns, to be seen and to be changed. */
export function TablePart() {
  const choice = tableChoice.value;
  const t = settings.value.data === OWN ? own.value?.table : null;
  const text = tableFiles.value.some(({ name }) => TEXTS.test(name));
  // A table of text that was refused can be read in another way; other data has nothing to choose here.
  if (!t && !(text && problem.value)) return null;
  const mark = markNames.find((name) => {
    const { decimal, thousands }: TableChoice = marks[name];
    return decimal === choice.decimal && thousands === choice.thousands;
  });
  const { decimal: _decimal, thousands: _thousands, ...rest } = choice;
  return (
    <section class="folder" id="table-part" aria-label={say("part")}>
      {t && (
        <>
          <p class="soft" id="table-line" role="status">
            {lineOf(t)}
          </p>
          {t.names.length > 1 && (
            <>
              <Choice
                id="table-label"
                label={say("predict")}
                value={t.labels[0]!}
                names={t.names}
                onChoose={(label) => choose({ ...choice, label: [label], task: undefined })}
              />
              <Typed
                id="table-also"
                label={say("also")}
                hint={say("alsoHint")}
                value={nameList(t.labels.slice(1))}
                commit={(typed) => {
                  const more = namesOf(typed).filter((name) => name !== "");
                  const unknown = more.find((name) => !t.names.includes(name));
                  if (unknown !== undefined) return say("unknown", { name: unknown });
                  choose({ ...choice, label: [...new Set([t.labels[0]!, ...more])], task: undefined });
                  return null;
                }}
              />
            </>
          )}
          <Choice
            id="table-task"
            label={say("as")}
            value={t.task}
            names={t.tasks}
            show={say}
            onChoose={(task) => choose({ ...choice, label: t.labels, task })}
          />
        </>
      )}
      {text && (
        <>
          <Choice
            id="table-marks"
            label={say("marks")}
            value={mark ?? "1234.5"}
            names={markNames}
            onChoose={(name) => choose({ ...rest, ...marks[name] })}
          />
          <label class="inline">
            <input
              type="checkbox"
              id="table-header"
              checked={choice.header !== false}
              onChange={(e) =>
                choose({
                  ...choice,
                  label: undefined,
                  task: undefined,
                  header: e.currentTarget.checked ? undefined : false,
                })
              }
            />
            {say("header")}
          </label>
        </>
      )}
      {(text || (t && t.names.length > 1)) && (
        <Typed
          id="table-missing"
          label={say("missingTexts")}
          hint={say("missingHint")}
          value={nameList(choice.missingValues ?? missingTexts.filter((each) => each !== ""))}
          commit={(typed) => {
            choose({ ...choice, missingValues: namesOf(typed) });
            return null;
          }}
        />
      )}
      {t && t.notices.length > 0 && (
        <ul class="notices" id="table-notices">
          {t.notices.slice(0, MOST_NOTICES).map((notice) => (
            <li key={`${notice.kind} ${notice.column}`}>{say(`n${notice.kind}`, { ...notice, reading: "" })}</li>
          ))}
        </ul>
      )}
    </section>
  );
}
