import { takeNet, weightsAsked } from "../state/store.ts";
import { say } from "./weights-strings.ts";

/** Asks whether weights of other names are what their order and shapes say. */
export function WeightsPart() {
  const asked = weightsAsked.value;
  if (!asked) return null;
  return (
    <section class="folder" id="weights-part" aria-label={say("names")}>
      <p class="soft">
        {say("names")}. {asked.text}
      </p>
      <div class="buttons">
        <button type="button" id="weights-take" onClick={() => takeNet(asked.files, true)}>
          {say("take")}
        </button>
        <button
          type="button"
          id="weights-cancel"
          onClick={() => {
            weightsAsked.value = null;
          }}
        >
          {say("cancel")}
        </button>
      </div>
    </section>
  );
}
