import { BoundaryCard } from "./boundary.tsx";
import { ConfusionCard } from "./confusion.tsx";
import { Curves } from "./curves.tsx";
import { DrawCard } from "./draw-box.tsx";
import "./train.css";
import { WeightsCard } from "./weights.tsx";

/** The curves, and every picture that there is of this net on this data. */
export function TrainRoom() {
  return (
    <div class="train-room">
      <div class="stack">
        <Curves />
        <ConfusionCard />
      </div>
      <div class="stack">
        <BoundaryCard />
        <DrawCard />
        <WeightsCard />
      </div>
    </div>
  );
}
