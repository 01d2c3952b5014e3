import { wasmTeethTests } from "../shared/wasm-teeth.ts";
import { normMutants } from "./mutants/norm.ts";

wasmTeethTests(normMutants);
