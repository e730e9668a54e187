/** People at the messenger: each in a browser of their own, as they would see and use it. */
import { existsSync } from "node:fs";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from "playwright-core";
import { overflowPxOf, violationsOf } from "./page-checks.ts";

const CHROMIUM = "/usr/bin/chromium";
/** Null: there is one. */
export const whyNoBrowser = existsSync(CHROMIUM) ? null : `no ${CHROMIUM} here`;

export const startBrowser = async (): Promise<Browser> =>
  await chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-dev-shm-usage",
      // A direct channel between two browsers of one machine, and a microphone that beeps.
      "--allow-loopback-in-peer-connection",
      "--disable-features=WebRtcHideLocalIpsWithMdns",
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
    ],
  });

export interface Site {
  readonly edge: string;
  readonly token: string;
  readonly me: string;
  readonly peer: string;
}

const DESKTOP = { width: 1100, height: 760 };

/** One person's page, and what their browser did for it. */
export class Person {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly site: Site;
  /** Errors of the page, violations of its policy among them. */
  readonly faults: string[] = [];
  /** Where it sent requests to. */
  readonly origins = new Set<string>();
  /** Frames of its room, as the room saw them; Latin-1, so that any text would show. */
  readonly inRoom: string[] = [];

  private constructor(context: BrowserContext, page: Page, site: Site) {
    [this.context, this.page, this.site] = [context, page, site];
    page.on("pageerror", (error) => this.faults.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") this.faults.push(message.text());
    });
    page.on("request", (request) => this.origins.add(new URL(request.url()).origin));
    page.on("websocket", (socket) => {
      this.origins.add(new URL(socket.url()).origin.replace(/^ws/, "http"));
      const note = ({ payload }: { readonly payload: string | Buffer }): void => {
        if (typeof payload !== "string") this.inRoom.push(payload.toString("latin1"));
      };
      socket.on("framesent", note);
      socket.on("framereceived", note);
    });
  }

  static async arrive(browser: Browser, site: Site, options: BrowserContextOptions = {}): Promise<Person> {
    const context = await browser.newContext({ viewport: DESKTOP, ...options });
    const person = new Person(context, await context.newPage(), site);
    await person.page.goto(`${site.edge}/messenger/`);
    return person;
  }

  async signIn({ token = this.site.token, peer = this.site.peer } = {}): Promise<void> {
    await this.page.getByLabel("Your token").fill(token);
    await this.page.getByLabel("Talk to").fill(peer);
    await this.page.keyboard.press("Enter");
  }

  /** Until the two pages know each other. */
  async meets(): Promise<void> {
    await this.page.getByText("here", { exact: true }).waitFor();
  }

  async say(text: string): Promise<void> {
    await this.page.getByRole("textbox", { name: /^Message to/ }).fill(text);
    await this.page.keyboard.press("Enter");
  }

  /** The bubble of a text. */
  bubble(text: string): Locator {
    return this.page.getByRole("article").filter({ hasText: text });
  }

  async sees(text: string): Promise<void> {
    await this.page.getByText(text).first().waitFor();
  }

  async delivered(text: string): Promise<void> {
    await this.bubble(text).getByText("delivered").waitFor();
  }

  /** Of the key that it names. */
  async keyOf(text: string): Promise<string> {
    return (await this.bubble(text).locator("code").textContent()) ?? "";
  }

  /** Opens the panel where it is not open, and leaves it so. */
  async openDetails(): Promise<Locator> {
    const button = this.page.getByRole("button", { name: "Keys and settings" });
    if ((await button.getAttribute("aria-expanded")) !== "true") await button.click();
    return this.page.getByRole("complementary", { name: "Keys and settings" });
  }

  async closeDetails(): Promise<void> {
    await this.page.keyboard.press("Escape");
  }

  async rotateAfter(messages: number): Promise<void> {
    const field = (await this.openDetails()).getByLabel("New key after messages");
    await field.fill(String(messages));
    await field.press("Tab");
    await this.closeDetails();
  }

  async roomOnly(isOnly: boolean): Promise<void> {
    await (await this.openDetails()).getByLabel("Room only").setChecked(isOnly);
    await this.closeDetails();
  }

  async channelIs(name: "Direct" | "Through the room"): Promise<void> {
    await this.page
      .getByRole("listitem")
      .filter({ hasText: new RegExp(`^${name}$`) })
      .waitFor();
  }

  async violations(): Promise<readonly string[]> {
    return await violationsOf(this.page);
  }

  async overflowPx(): Promise<number> {
    return await overflowPxOf(this.page);
  }

  /** All that the browser keeps of the page. */
  async stored(): Promise<readonly unknown[]> {
    const inPage = await this.page.evaluate(
      "(async () => [localStorage.length, sessionStorage.length, (await indexedDB.databases()).length, (await caches.keys()).length])()",
    );
    return [inPage, await this.context.cookies()];
  }
}
