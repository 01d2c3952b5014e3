import { describe } from "vitest";
import { teethTests } from "../shared/teeth.ts";
import { batchedMutants, embeddingMutants } from "./mutants/embedding.ts";

describe("wrong embeddings are caught", () => teethTests(embeddingMutants));
describe("wrong batches of products are caught", () => teethTests(batchedMutants));
