import { type Mutant, wrong } from "../mutants.ts";

/** Wrong versions of wasm/embedding.ts. */
export const embeddingMutants: readonly Mutant[] = [
  wrong(
    "embedding",
    "embedding",
    "the last place is left",
    "parts, 1); i < end; i++) {\n    const row",
    "parts, 1); i + 1 < end; i++) {\n    const row",
  ),
  wrong(
    "embeddingGradient",
    "embedding",
    "the last place of a token counts alone",
    "f32x4.add(get(to + o, width - j), get(from + o, width - j))",
    "get(from + o, width - j)",
  ),
  wrong("embeddingGradient", "embedding", "padding learns", " || token == without", ""),
  wrong("embeddingGradient", "embedding", "the edge of a row is dropped", "j < width; j += 4", "j + 3 < width; j += 4"),
];
