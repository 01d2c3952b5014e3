import { describe } from "vitest";
import { teethTests } from "../shared/teeth.ts";
import { textMutants } from "./mutants/text.ts";

describe("wrong steps of a text are caught", () => teethTests(textMutants));
