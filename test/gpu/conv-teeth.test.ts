import { describe } from "vitest";
import { teethTests } from "../shared/teeth.ts";
import { convMutants } from "./mutants/conv.ts";

describe("wrong convolutions are caught", () => teethTests(convMutants));
