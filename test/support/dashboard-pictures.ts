/** The pictures of docs/dashboard.md: the demo with its agents, a link more without key, and somebody on the first line. */
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { drawKeys, Visit } from "./dashboard-visit.ts";
import { pushLink } from "./network-document.ts";
import { changeNetwork } from "./operator.ts";
import { runNetwork } from "./run-network.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "docs", "images");
const LINK = "tn-1-tn-2";
/** Of figures to be seen in the plots. */
const WATCHED_MS = 150_000;

export async function takePictures(browser: Browser): Promise<void> {
  const network = await runNetwork({ agents: true });
  await changeNetwork(network, (document) => ({
    ...document,
    links: [...document.links, pushLink("tn-2-tn-4", "tn-2", "tn-4")],
  }));
  let isOver = false;
  const drawing = [
    drawKeys(network, "sae-a", "sae-b", () => isOver),
    drawKeys(network, "sae-c", "sae-a", () => isOver),
  ];
  try {
    const desk = await Visit.begin(browser, network.edge, { viewport: { width: 1280, height: 860 } });
    const phone = await Visit.begin(browser, network.edge, {
      viewport: { width: 390, height: 780 },
      colorScheme: "dark",
    });
    for (const visit of [desk, phone]) {
      await visit.signIn(network.tokens["operator"] ?? "");
      await visit.arrives();
    }
    const take = async ({ page }: Visit, name: string): Promise<void> => {
      await page.mouse.move(0, 0);
      await page.screenshot({ path: join(FOLDER, `${name}.png`), caret: "hide" });
    };
    await desk.page.waitForTimeout(WATCHED_MS / 2);
    await changeNetwork(network, (document) => ({
      ...document,
      links: document.links.map((link) =>
        link.module === undefined ? link : { ...link, module: { ...link.module, eve_share: 0.3 } },
      ),
    }));
    await desk.page.getByText("QBER").first().waitFor();
    await desk.page.locator(".map-relays .key").first().waitFor({ state: "attached" });
    await take(desk, "dashboard");
    await take(phone, "dashboard-phone");
    await desk.page.waitForTimeout(WATCHED_MS / 2);
    await desk.page.emulateMedia({ colorScheme: "dark" });
    await desk.goTo(`#/links/${LINK}`);
    await desk.page.getByRole("button", { name: "15 min" }).click();
    await desk.page.locator(".run").first().waitFor();
    await take(desk, "dashboard-link");
    await desk.page.getByRole("button", { name: "Cut the link" }).click();
    await desk.dialog.getByText("are given up").waitFor();
    await take(desk, "dashboard-change");
  } finally {
    isOver = true;
    await Promise.all(drawing.map(async (each) => await each.catch(() => undefined)));
    await network.stop();
  }
}
