/** Builds the library and its declarations into `folder`, by default dist/lib. */
export function buildLibrary(folder?: string): Promise<void>;
