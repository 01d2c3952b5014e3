import { wasmTeethTests } from "../shared/wasm-teeth.ts";
import { attentionMutants } from "./mutants/attention.ts";

wasmTeethTests(attentionMutants);
