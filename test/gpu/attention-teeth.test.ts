import { describe } from "vitest";
import { teethTests } from "../shared/teeth.ts";
import { attentionMutants } from "./mutants/attention.ts";

describe("wrong attention is caught", () => teethTests(attentionMutants));
