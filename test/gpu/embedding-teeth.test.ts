import { describe } from "vitest";
import { teethTests } from "../shared/teeth.ts";
import { embeddingMutants } from "./mutants/embedding.ts";

describe("wrong embeddings are caught", () => teethTests(embeddingMutants));
