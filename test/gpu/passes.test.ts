import { asDispatches, openGpu } from "../shared/gpu.ts";
import { passesAgreeWithReference } from "../shared/passes.ts";

// Kernels of dispatches are shared by all the graphs here; those for whole steps would be compiled for each.
passesAgreeWithReference(async () => asDispatches(await openGpu()));
