import { Card } from "../shell/card.tsx";
import { lazy } from "../shell/lazy.tsx";
import { painting } from "../state/paint.ts";
import { pictures, run } from "../state/store.ts";
import { Plane } from "./plane.tsx";
import { say } from "./strings.ts";

const PaintCard = lazy(async () => (await import("./paint-card.tsx")).PaintCard);

/** What the net says over the plane, with the points on it; or where points are painted. */
export function BoundaryCard() {
  const picture = pictures.value?.boundary ?? null;
  if (painting.value) return <PaintCard />;
  if (!picture) return null;
  return (
    <Card title={say("boundary")} part="boundary" id="boundary">
      <p class="soft">{say("boundaryText")}</p>
      <div class="plane" id="plane">
        <Plane picture={picture} points={run.value?.points ?? null} />
      </div>
    </Card>
  );
}
