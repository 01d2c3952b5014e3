import { wasmTeethTests } from "../shared/wasm-teeth.ts";
import { attentionMutants } from "./mutants/attention.ts";
import { batchedMutants } from "./mutants/batched.ts";
import { convMutants } from "./mutants/conv.ts";
import { embeddingMutants } from "./mutants/embedding.ts";
import { headLossMutants } from "./mutants/head-loss.ts";
import { normMutants } from "./mutants/norm.ts";
import { poolMutants } from "./mutants/pool.ts";
import { recurrentMutants } from "./mutants/recurrent.ts";
import { shapeMutants } from "./mutants/shape.ts";
import { mutants } from "./mutants.ts";

// In one file, since they share wrong builds; those of the file with most of them first.
await wasmTeethTests([
  ...mutants,
  ...convMutants,
  ...shapeMutants,
  ...normMutants,
  ...poolMutants,
  ...attentionMutants,
  ...recurrentMutants,
  ...embeddingMutants,
  ...headLossMutants,
  ...batchedMutants,
]);
