import { thorough } from "../shared/thorough.ts";
import { wasmTeethTests } from "../shared/wasm-teeth.ts";
import { recurrentMutants } from "./mutants/recurrent.ts";

// Each is a build of its own: every other one, unless all are asked for.
wasmTeethTests(recurrentMutants.filter((_, i) => thorough || i % 2 === 0));
