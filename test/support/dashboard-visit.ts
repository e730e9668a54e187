/** An operator at the dashboard, as they would see and use it. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from "playwright-core";
import type { ReachedNetwork } from "./run-network.ts";
import { overflowPxOf, violationsOf } from "./page-checks.ts";

/** Enough to be seen at work, and little beside what a browser takes of the machine. */
const DRAW_PAUSE_MS = 100;

/** Keys one after the other, until it is over. Where there are none for a moment it asks again. */
export async function drawKeys(
  network: Pick<ReachedNetwork, "fetch">,
  master: string,
  slave: string,
  isOver: () => boolean,
): Promise<void> {
  for (; !isOver(); await sleep(DRAW_PAUSE_MS)) {
    const given = await network.fetch(`/api/v1/keys/${slave}/enc_keys`, master);
    const { keys = [] } = (await given.json()) as { readonly keys?: readonly { readonly key_ID: string }[] };
    for (const { key_ID: id } of keys)
      await (await network.fetch(`/api/v1/keys/${master}/dec_keys?key_ID=${id}`, slave)).arrayBuffer();
  }
}

const DESKTOP = { width: 1280, height: 860 };
export const PAGES = ["Network", "Alarms", "Audit", "Traffic", "Configure"] as const;

export class Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly edge: string;
  /** Errors of the page, violations of its policy among them. */
  readonly faults: string[] = [];
  /** Where it sent requests to. */
  readonly origins = new Set<string>();

  private constructor(context: BrowserContext, page: Page, edge: string) {
    [this.context, this.page, this.edge] = [context, page, edge];
    page.on("pageerror", (error) => this.faults.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.faults.push(message.text());
    });
    page.on("request", (request) => this.origins.add(new URL(request.url()).origin));
    page.on("websocket", (socket) => this.origins.add(new URL(socket.url()).origin.replace(/^ws/, "http")));
  }

  static async begin(browser: Browser, edge: string, options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await browser.newContext({ viewport: DESKTOP, ...options });
    const visit = new Visit(context, await context.newPage(), edge);
    await visit.page.goto(`${edge}/`);
    return visit;
  }

  async signIn(token: string): Promise<void> {
    await this.page.getByLabel("Operator token").fill(token);
    await this.page.keyboard.press("Enter");
  }

  /** Until the network is on the map. */
  async arrives(): Promise<void> {
    await this.node("tn-1").waitFor();
  }

  node(id: string): Locator {
    return this.page.getByRole("link", { name: new RegExp(`^Node ${id}:`) });
  }

  /** On the map. */
  link(id: string): Locator {
    return this.page.getByRole("link", { name: new RegExp(`^Link ${id}(?::| has been cut)`) });
  }

  async open(name: (typeof PAGES)[number]): Promise<void> {
    await this.page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name }).click();
  }

  async goTo(hash: string): Promise<void> {
    await this.page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
  }

  panel(title: string): Locator {
    return this.page.getByRole("region", { name: title, exact: true });
  }

  /** The change that is proposed. */
  get dialog(): Locator {
    return this.page.getByRole("dialog");
  }

  async applies(): Promise<void> {
    await this.dialog.getByRole("button", { name: "Apply" }).click();
    await this.dialog.waitFor({ state: "detached" });
  }

  async violations(): Promise<readonly string[]> {
    return await violationsOf(this.page);
  }

  async overflowPx(): Promise<number> {
    return await overflowPxOf(this.page);
  }
}
