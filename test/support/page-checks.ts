/** What any page here is looked at for. */
import type { AxeResults, RunOptions } from "axe-core";
import axe from "axe-core";
import type { Page } from "playwright-core";

/** What axe finds wrong, each with the place of its first. */
export async function violationsOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const options: RunOptions = { resultTypes: ["violations"] };
  const results = await page.evaluate(
    async (told) => await (globalThis as unknown as { axe: { run(o: RunOptions): Promise<AxeResults> } }).axe.run(told),
    options,
  );
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ""} ${nodes[0]?.failureSummary ?? ""}`);
}

/** How much wider the page is than the window. */
export const overflowPxOf = async (page: Page): Promise<number> =>
  await page.evaluate("document.documentElement.scrollWidth - innerWidth");
