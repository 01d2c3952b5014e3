import { createNodeGpu, DIRTY_MEMORY } from "../../src/backend/webgpu/node.ts";

/**
 * Gives the tests in Node what a browser has: navigator.gpu. Fresh buffers hold rubbish, not zeros.
 * Throws where there is no adapter, which fails every test of the file.
 */
const gpu = await createNodeGpu({ flags: DIRTY_MEMORY });
// Node 20 has no navigator; later ones have one without gpu.
const navigator = globalThis.navigator ?? {};
Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true, writable: true });
