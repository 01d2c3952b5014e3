/** The clone's folder. */
export const root: string;
/** Runs Node with these arguments in the project's folder and gives its exit status; `signal` ends it. */
export function node(args: readonly string[], signal?: AbortSignal): Promise<number>;
/** What Node runs as npm: a path for process.execPath. */
export function npmCommand(): [string];
