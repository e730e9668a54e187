/** The documentation's site in a browser, as the edge serves it. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startBrowser, whyNoBrowser } from "../support/messenger-people.ts";
import { overflowPxOf, violationsOf } from "../support/page-checks.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

const title = "the documentation";

describe.skipIf(whyNoBrowser !== null)(whyNoBrowser === null ? title : `${title} (skipped: ${whyNoBrowser})`, () => {
  let network: RunningNetwork;
  let browser: Browser;
  let page: Page;
  const asked: string[] = [];
  const complaints: string[] = [];
  beforeAll(async () => {
    network = await runNetwork({ args: ["--prefill", "0"] });
    browser = await startBrowser();
    page = await browser.newPage();
    page.on("request", (request) => asked.push(new URL(request.url()).origin));
    page.on("console", (message) => (message.type() === "error" ? complaints.push(message.text()) : undefined));
    page.on("pageerror", (error) => complaints.push(error.message));
  });
  afterAll(async () => {
    await browser.close();
    await network.stop();
  });

  test("from /docs one gets to a page by the contents, by a link in the text, and to a heading", async () => {
    await page.goto(`${network.edge}/docs`);
    expect(page.url()).toBe(`${network.edge}/docs/`);
    await page
      .getByRole("navigation", { name: "Contents" })
      .getByRole("link", { name: "Relay: keys between any two nodes" })
      .click();
    await expect.poll(() => page.url()).toBe(`${network.edge}/docs/relay`);
    expect(await page.locator('[aria-current="page"]').innerText()).toBe(
      await page
        .locator("h1")
        .innerText()
        .then((text) => text.replace(/ #$/, "")),
    );
    for (const image of await page.getByRole("img").all())
      expect(
        await image.evaluate((element) => (element as unknown as { naturalWidth: number }).naturalWidth),
      ).toBeGreaterThan(0);
  });

  test("the search finds an alarm by its code, with the keyboard alone", async () => {
    await page.goto(`${network.edge}/docs/`);
    await page.keyboard.press("/");
    await page.keyboard.type("state-rolled-back");
    await expect.poll(() => page.locator("#found").innerText()).toContain("Alarms");
    await page.keyboard.press("Enter");
    await expect.poll(() => page.url()).toMatch(/\/docs\/[a-z/-]+/);
    expect(await page.locator("main").innerText()).toContain("state-rolled-back");
    await page.getByRole("searchbox").fill("xyzzyplugh");
    await expect.poll(() => page.locator("#found").innerText()).toBe("Nothing found");
    await page.keyboard.press("Escape");
    expect(await page.locator("#found").isHidden()).toBe(true);
  });

  test("who is led nowhere is told so and gets on; so does who has read the API", async () => {
    const lost = await page.goto(`${network.edge}/docs/nope`);
    expect([lost?.status(), await page.title()]).toEqual([404, "No such page - qkd-edge"]);
    expect(await violationsOf(page)).toEqual([]);
    await page
      .getByRole("navigation", { name: "Contents" })
      .getByRole("link", { name: "The dashboard" })
      .first()
      .click();
    await expect.poll(() => page.url()).toBe(`${network.edge}/docs/dashboard`);
    await page.getByRole("link", { name: "API", exact: true }).first().click();
    await page.locator('main a[href="/docs/"]').click();
    await expect.poll(() => page.url()).toBe(`${network.edge}/docs/`);
    const asProgram = await network.fetch("/docs/nope", "operator");
    expect([asProgram.status, await asProgram.json()]).toEqual([404, { message: "no such file" }]);
    // The 404 is on the console, as a browser puts it there.
    complaints.length = 0;
  });

  test("nothing is wrong with it for axe, in light and dark; nothing is cut off on a phone", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const path of ["", "relay", "etsi004"]) {
        await page.goto(`${network.edge}/docs/${path}`);
        expect(await violationsOf(page), `${colorScheme} /docs/${path}`).toEqual([]);
      }
    }
    await page.setViewportSize({ width: 360, height: 740 });
    for (const path of ["", "operating", "bench/results"]) {
      await page.goto(`${network.edge}/docs/${path}`);
      expect(await overflowPxOf(page), path).toBe(0);
    }
  });

  test("it asks nobody else for anything, and its policy has nothing to complain of", () => {
    expect(new Set(asked)).toEqual(new Set([network.edge]));
    expect(complaints).toEqual([]);
  });
});
