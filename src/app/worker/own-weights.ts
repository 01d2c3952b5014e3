import { loadWeights, readModelTensors } from "../../io/weights/load.ts";
import { fitsByOrder, hasNames } from "../../io/weights/names.ts";
import { weightSpecs } from "../../nn/parameter-specs.ts";
import { formOf } from "../state/net-link.ts";
import { current, keepNet } from "./session.ts";
import type { AskedNet, DroppedFile, TakenNet } from "./types.ts";

/** Weights alone, for the net that is there; asks before arrays of other names are taken by order and shape. */
export async function takeWeights({ name, bytes }: DroppedFile, byOrder: boolean): Promise<TakenNet | AskedNet> {
  const { settings, trainer } = current();
  const { model } = trainer.options;
  if (!byOrder) {
    const { tensors } = await readModelTensors(name, bytes, model);
    const specs = weightSpecs(model);
    if (!hasNames(tensors, specs) && fitsByOrder(tensors, specs)) {
      const { notes } = await readModelTensors(name, bytes, model, { match: "order" });
      return { ask: `${name}: ${notes.join("; ")}` };
    }
  }
  const { weights, notes } = await loadWeights(name, bytes, model, { match: byOrder ? "order" : "names" });
  keepNet({ name, model, weights });
  return { ...(await formOf(model, settings)), notes };
}
