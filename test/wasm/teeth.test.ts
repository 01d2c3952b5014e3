import { wasmTeethTests } from "../shared/wasm-teeth.ts";
import { mutants } from "./mutants.ts";

wasmTeethTests(mutants);
