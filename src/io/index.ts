/** Files: safetensors, npy, checkpoints. */
export {};
