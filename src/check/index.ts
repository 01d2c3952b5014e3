/** Gradient checks and kernel conformance. */
export {};
