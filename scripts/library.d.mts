/** Builds the library and its declarations into `folder`, by default dist/lib; without `check` no errors of types are looked for. */
export function buildLibrary(folder?: string, check?: boolean): Promise<void>;
/** Builds into `folder` what programs run of the library, without the declarations. */
export function bundleLibrary(folder: string): Promise<void>;
