/** Reads the sources, writes the API reference into `out` unless that is null, and gives every complaint. */
export function documentation(out: string | null): Promise<string[]>;
