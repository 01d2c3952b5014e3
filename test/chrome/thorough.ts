import { inject } from "vitest";

declare module "vitest" {
  export interface ProvidedContext {
    /** True under `npm run test:all`: a browser does not see the environment. */
    thorough: boolean;
  }
}

/** Node runs every case of every kernel on the same driver: here `npm test` takes some of each, `test:all` all. */
export const thorough = inject("thorough");
