import type { Page } from "playwright-core";

/** The page's worker begins with this text from now on. Gives how often it was asked for. */
export async function beginWorkerWith(page: Page, text: string): Promise<() => number> {
  let served = 0;
  await page.route("**/assets/main-*.js", async (route) => {
    const response = await route.fetch();
    served++;
    await route.fulfill({ response, body: `${text}\n${await response.text()}` });
  });
  return () => served;
}
