import { findChromium } from "../../src/platform/chromium.ts";

/** Fails the project before its first test where there is no browser, and says how to get one. */
export async function setup(): Promise<void> {
  await findChromium();
}
