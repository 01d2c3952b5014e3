import { ChainruleError } from "../../core/errors.ts";
import { engine } from "../state/engine.ts";
import type { TextForm } from "../state/settings.ts";
import { configureAndPlay, enqueue, own, settings } from "../state/store.ts";
import { sourceOf } from "../state/text-run.ts";
import type { DroppedFile } from "../worker/types.ts";

/** Learns the text that is there read in another way; where that cannot be, all stays as it is. */
function again(form: Partial<TextForm>, tokenizer?: DroppedFile): Promise<unknown> {
  return enqueue(async () => {
    const { data, text } = settings.value;
    if (!text)
      throw new ChainruleError("data", `${tokenizer!.name} makes tokens of a text: take a text first, then drop it`);
    const next = { ...text, ...form };
    own.value = await engine.text(sourceOf(data), next, tokenizer);
    settings.value = { ...settings.value, text: next };
    await configureAndPlay();
  });
}

/** By other tokens, or in windows of another length. */
export const reread = (form: Partial<TextForm>): Promise<unknown> => again(form);

/** By the tokens of a file of the user's. */
export const takeTokenizer = (file: DroppedFile): Promise<unknown> => again({ tokens: "file" }, file);
