import { createNodeGpu, DIRTY_MEMORY } from "../../src/backend/webgpu/node.ts";
import { restBetweenPolls } from "../../src/platform/polls.ts";

/** Sooner than a program would: most of what tests wait for is compiling, and other files compile meanwhile. */
const SHORT_MS = 1;

/** Files of one process run this each for themselves. */
const process = globalThis as { gpuUnderTest?: GPU };

/**
 * Gives the tests in Node what a browser has: navigator.gpu. Fresh buffers hold rubbish, not zeros.
 * Throws where there is no adapter, which fails every test of the file.
 */
restBetweenPolls(SHORT_MS);
process.gpuUnderTest ??= await createNodeGpu({ flags: DIRTY_MEMORY });
const gpu = process.gpuUnderTest;
// Node 20 has no navigator; later ones have one without gpu.
const navigator = globalThis.navigator ?? {};
Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true, writable: true });
