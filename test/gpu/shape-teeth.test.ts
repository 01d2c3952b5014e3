import { describe } from "vitest";
import { teethTests } from "../shared/teeth.ts";
import { shapeMutants } from "./mutants/shape.ts";

describe("wrong moves and activations are caught", () => teethTests(shapeMutants));
