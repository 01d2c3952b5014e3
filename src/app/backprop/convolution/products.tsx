import { KERNEL } from "../../worker/conv-sizes.ts";
import type { ConvStory } from "../../worker/conv-story.ts";
import { keyOf } from "../film/cells.tsx";
import { litBy, Sign, Small, type Work } from "../film/products.tsx";
import { say as words } from "../film/strings.ts";
import { placeOf } from "./frames.ts";
import { say } from "./strings.ts";
import { shareTerms, sumUpTo } from "./terms.ts";

/** One place's share of a kernel's gradient, and how far the sum is with it. */
export function shareOf(s: ConvStory, place: number): Work {
  const pairs = shareTerms(s, place);
  const { channel } = placeOf(s.conv, place);
  const kernel = pairs.map((_, k) => keyOf({ map: "kernels", index: channel * KERNEL ** 2 + k }));
  const view = (
    <>
      <Small title={say("window")} columns={KERNEL} values={pairs.map(([x]) => x.value)} />
      <Sign>·</Sign>
      <Small title={say("here")} columns={1} values={[s.conv.deltas[place]!]} />
      <Sign>=</Sign>
      <Small title={words("products")} columns={KERNEL} values={pairs.map(([x, d]) => x.value * d.value)} />
      <Sign>→</Sign>
      <Small title={say("soFar")} columns={KERNEL} values={sumUpTo(s, place)} />
    </>
  );
  return { view, lit: [...litBy(pairs), ...kernel] };
}
