import { lazy } from "../shell/lazy.tsx";
import { netDrawn } from "../state/editing.ts";
import { run, settings } from "../state/store.ts";
import { BoundaryCard } from "./boundary.tsx";
import { ConfusionCard } from "./confusion.tsx";
import { Curves } from "./curves.tsx";
import "./train.css";
import { WeightsCard } from "./weights.tsx";

/** Only data of images has one, and the page opens with points. */
const DrawCard = lazy(async () => (await import("./draw-box.tsx")).DrawCard);

/** Nets of any wiring are drawn; a chain of dense layers where that is asked for. */
const GraphCard = lazy(async () => (await import("../net/graph-card.tsx")).GraphCard);

/** Only convolutions have maps. */
const MapsCard = lazy(async () => (await import("../net/maps-card.tsx")).MapsCard);

/** Of a net that learns a text: what it writes, and what it expects next. */
const TextCard = lazy(async () => (await import("../text/text-card.tsx")).TextCard);

/** The curves, and every picture that there is of this net on this data. */
export function TrainRoom() {
  return (
    <div class="train-room">
      <div class="stack">
        <Curves />
        {(netDrawn.value ?? settings.value.graph !== null) && <GraphCard />}
        <ConfusionCard />
      </div>
      <div class="stack">
        {run.value?.text && <TextCard />}
        <BoundaryCard />
        {run.value?.image && run.value.frame && run.value.classes.length > 0 && <DrawCard />}
        {settings.value.graph?.model.layers.some((l) => l.type.startsWith("conv")) && <MapsCard />}
        <WeightsCard />
      </div>
    </div>
  );
}
