/** The clone's folder. */
export const root: string;
/** Runs Node with these arguments in the project's folder and gives its exit status; `signal` ends it. */
export function node(args: readonly string[], signal?: AbortSignal): Promise<number>;
/** The programs that come with the installed packages: paths from the clone's folder. */
export const tools: { readonly tsc: string; readonly biome: string; readonly vite: string; readonly vitest: string };
/** What Node runs as npm: a path for process.execPath. */
export function npmCommand(): [string];
