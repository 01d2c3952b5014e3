import { wasmTeethTests } from "../shared/wasm-teeth.ts";
import { shapeMutants } from "./mutants/shape.ts";

wasmTeethTests(shapeMutants);
