/** True under `npm run test:all`: what repeats itself with other numbers does so more often than `npm test` has time for. */
export const thorough = process.env.CHAINRULE_TESTS === "all";

/** How often: the first in `npm test`, the second in `npm run test:all`. */
export const times = (few: number, many: number): number => (thorough ? many : few);
