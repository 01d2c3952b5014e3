import { wasmTeethTests } from "../shared/wasm-teeth.ts";
import { batchedMutants } from "./mutants/batched.ts";
import { embeddingMutants } from "./mutants/embedding.ts";
import { headLossMutants } from "./mutants/head-loss.ts";

// Of families that call none of each other's code: they share wrong builds.
wasmTeethTests([...embeddingMutants, ...headLossMutants, ...batchedMutants]);
