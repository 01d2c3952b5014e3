import { type Browser, chromium, type Page, type Request } from "playwright-core";
import { findChromium } from "../../src/platform/chromium.ts";

/** Starts the browser that the tests of the page drive, as people have it but for `more` arguments. Close it when done. */
export async function launchBrowser(...more: readonly string[]): Promise<Browser> {
  const { executablePath, args, env } = await findChromium();
  return await chromium.launch({ executablePath, args: [...args, ...more], env });
}

/** Collects what a page complains of: uncaught errors, console errors and requests that failed. */
export function complaints(page: Page): string[] {
  const found: string[] = [];
  page.on("pageerror", (error) => found.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") found.push(`console: ${message.text()}`);
  });
  // What a page had asked for when it was left or loaded anew is nobody's fault.
  const given = (request: Request): boolean => request.failure()?.errorText === "net::ERR_ABORTED";
  page.on("requestfailed", (request) => given(request) || found.push(`failed: ${request.url()}`));
  return found;
}
