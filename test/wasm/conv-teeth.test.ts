import { wasmTeethTests } from "../shared/wasm-teeth.ts";
import { convMutants } from "./mutants/conv.ts";

wasmTeethTests(convMutants);
