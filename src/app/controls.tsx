import { Choice, TypedField } from "./field.tsx";
import { activationNames, dataNames, devices, optimizerNames } from "./settings.ts";
import { change, playing, reset, settings, stepOnce, t, togglePlay } from "./store.ts";

/** Everything that decides a run, and the buttons that drive it. */
export function Controls() {
  const s = settings.value;
  return (
    <section class="card controls">
      <div class="buttons">
        <button type="button" class="primary" id="play" onClick={togglePlay}>
          {playing.value ? t.value("pause") : t.value("play")}
        </button>
        <button type="button" id="step" onClick={stepOnce}>
          {t.value("step")}
        </button>
        <button type="button" id="reset" onClick={reset}>
          {t.value("reset")}
        </button>
      </div>
      <Choice label="data" value={s.data} names={dataNames} onChoose={(data) => change({ data })} />
      {s.data === "tutorial" && (
        <label class="inline">
          <input
            type="checkbox"
            id="published"
            checked={s.published}
            onChange={(e) => change({ published: e.currentTarget.checked })}
          />
          {t.value("published")}
        </label>
      )}
      <TypedField
        label="hidden"
        hint="hiddenHint"
        name="hidden"
        value={s.hidden}
        show={(v) => v.join(" ")}
        read={(text) => (text === "" ? [] : text.split(/[\s,;-]+/).map(Number))}
      />
      <Choice label="activation" value={s.activation} names={activationNames} onChoose={(activation) => change({ activation })} />
      <Choice label="optimizer" value={s.optimizer} names={optimizerNames} onChoose={(optimizer) => change({ optimizer })} />
      <TypedField label="rate" name="lr" value={s.lr} show={String} read={numberOf} />
      <TypedField
        label="batch"
        hint="batchHint"
        name="batch"
        value={s.batch}
        show={String}
        read={(text) => (text === "full" ? "full" : numberOf(text))}
      />
      <TypedField label="seed" name="seed" value={s.seed} show={String} read={numberOf} />
      <Choice label="device" value={s.device} names={devices} onChoose={(device) => change({ device })} />
      <p class="soft">{t.value("keys")}</p>
    </section>
  );
}

const numberOf = (text: string): number => (text === "" ? Number.NaN : Number(text));
