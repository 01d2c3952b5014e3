import { describe } from "vitest";
import { teethTests } from "../shared/teeth.ts";
import { poolMutants } from "./mutants/pool.ts";

describe("wrong pooling is caught", () => teethTests(poolMutants));
