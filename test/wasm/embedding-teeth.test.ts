import { wasmTeethTests } from "../shared/wasm-teeth.ts";
import { embeddingMutants } from "./mutants/embedding.ts";

wasmTeethTests(embeddingMutants);
