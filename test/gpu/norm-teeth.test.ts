import { describe } from "vitest";
import { teethTests } from "../shared/teeth.ts";
import { normMutants } from "./mutants/norm.ts";

describe("wrong normalisation is caught", () => teethTests(normMutants));
