/** The library, safe for browsers. */
export { ChainruleError, type ErrorCode } from "./core/errors.ts";
