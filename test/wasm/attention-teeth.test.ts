import { thorough } from "../shared/thorough.ts";
import { wasmTeethTests } from "../shared/wasm-teeth.ts";
import { attentionMutants } from "./mutants/attention.ts";

// A build each: every other, unless all are asked for.
wasmTeethTests(attentionMutants.filter((_, i) => thorough || i % 2 === 0));
