import { wasmTeethTests } from "../shared/wasm-teeth.ts";
import { poolMutants } from "./mutants/pool.ts";

wasmTeethTests(poolMutants);
