import { describe } from "vitest";
import { teethTests } from "../shared/teeth.ts";
import { thorough } from "../shared/thorough.ts";
import { otherFormMutants, recurrentMutants } from "./mutants/recurrent.ts";

// Each is compiled: every other one, and of the other forms every fifth, unless all are asked for.
describe("wrong recurrences are caught", () =>
  teethTests([
    ...recurrentMutants.filter((_, i) => thorough || i % 2 === 0),
    ...otherFormMutants.filter((_, i) => thorough || i % 5 === 0),
  ]));
