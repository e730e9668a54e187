/**
 * The dashboard in a browser, against a network as `npm start` runs it: the demo's nodes on simulated links, and one link
 * more that has no key.
 */
import { randomBytes } from "node:crypto";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { takePictures } from "../support/dashboard-pictures.ts";
import { drawKeys, PAGES, Visit } from "../support/dashboard-visit.ts";
import { startBrowser, whyNoBrowser } from "../support/messenger-people.ts";
import { pushLink } from "../support/network-document.ts";
import { changeNetwork, readNetwork } from "../support/operator.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

const EMPTY = "tn-2-tn-4";

const watched = (demo: NetworkDocumentInput): NetworkDocumentInput => ({
  ...demo,
  links: [
    ...demo.links.map((link) => ({ ...link, source: "simulated" as const, key_rate_bps: 400_000 })),
    pushLink(EMPTY, "tn-2", "tn-4"),
  ],
});

let network: RunningNetwork;
let browser: Browser;
let visit: Visit;
let second: Page;
let isOver = false;
let drawing = Promise.resolve();

const operatorToken = (): string => network.tokens["operator"] ?? "";
const relayed = (...nodes: readonly string[]) =>
  visit
    .panel("Relays")
    .getByRole("listitem")
    .filter({ hasText: nodes.join(" › ") })
    .first();
/** Its state as the document in force has it. */
const linkInForce = async (id: string) => (await readNetwork(network)).document.links.find((link) => link.id === id);
const title = "the dashboard, in a browser";

describe.skipIf(whyNoBrowser !== null)(whyNoBrowser === null ? title : `${title} (skipped: ${whyNoBrowser})`, () => {
  beforeAll(async () => {
    [network, browser] = await Promise.all([runNetwork({ network: watched }), startBrowser()]);
    visit = await Visit.begin(browser, network.edge);
    drawing = drawKeys(network, "sae-a", "sae-d", () => isOver);
  });
  afterAll(async () => {
    isOver = true;
    await drawing.catch(() => undefined);
    await browser.close();
    await network.stop();
  });

  test("whoever is no operator is told so", async () => {
    expect(await visit.violations()).toEqual([]);
    const refused = async (words: RegExp, token: string) => {
      await visit.signIn(token);
      await visit.page.getByRole("alert").filter({ hasText: words }).waitFor();
    };
    await refused(/Give your token/, "");
    await refused(/holds characters that none has/, "zwölf");
    await refused(/does not know this token/, "nobody's");
    await refused(/needs to be an operator's/, network.tokens["sae-a"] ?? "");
    // The refusals are on the console, as a browser puts them there.
    visit.faults.length = 0;
  });

  test("an operator signs in, stays so when the page is loaded anew, and no script can read by what", async () => {
    await visit.signIn(operatorToken());
    await visit.arrives();
    await visit.page.reload();
    await visit.arrives();
    const [cookie, ...more] = await visit.context.cookies();
    expect([cookie?.httpOnly, cookie?.secure, cookie?.sameSite, more]).toEqual([true, true, "Strict", []]);
    expect(await visit.page.evaluate("document.cookie")).toBe("");
    expect(await visit.page.evaluate("JSON.stringify([localStorage, sessionStorage])")).toBe("[{},{}]");
    expect(await visit.page.content()).not.toContain(operatorToken());
  });

  test("the map is live: nodes, links by how they do, relays as they run", async () => {
    for (const id of ["tn-1", "tn-2", "tn-3", "tn-4", "tn-5"]) await visit.node(id).waitFor();
    // A line that lies level has no height, which Playwright takes for hidden.
    for (const id of ["tn-1-tn-2", "tn-2-tn-3", "tn-3-tn-4"]) await visit.link(id).waitFor({ state: "attached" });
    await expect.poll(async () => await visit.link(EMPTY).getAttribute("aria-label")).toMatch(/: Down, /);
    await visit.page
      .locator('[data-relay="tn-1 tn-2 tn-3"], [data-relay="tn-3 tn-2 tn-1"]')
      .first()
      .waitFor({ state: "attached" });
    const requests = visit.page.locator(".figure").filter({ hasText: "Requests" }).locator(".value");
    await expect.poll(async () => Number.parseFloat((await requests.textContent()) ?? "")).toBeGreaterThan(0);
    await visit.panel("Relayed key").getByRole("link", { name: "tn-1 – tn-3" }).waitFor();
    expect(await visit.violations()).toEqual([]);
  });

  test("nodes are dragged, by keys too, and stay where they were left; the map is zoomed", async () => {
    const placeOf = async (id: string) => {
      const box = await visit.node(id).boundingBox();
      return {
        x: Math.round(box?.x ?? 0),
        y: Math.round(box?.y ?? 0),
        width: box?.width ?? 0,
        height: box?.height ?? 0,
      };
    };
    const before = await placeOf("tn-4");
    await visit.page.mouse.move(before.x + before.width / 2, before.y + before.height / 2);
    await visit.page.mouse.down();
    await visit.page.mouse.move(before.x + 10, before.y + 90, { steps: 4 });
    await expect.poll(async () => (await placeOf("tn-4")).y).toBeGreaterThan(before.y + 40);
    expect(await visit.page.evaluate("localStorage.length")).toBe(0);
    await visit.page.mouse.up();
    await expect.poll(async () => await visit.page.evaluate("localStorage.length")).toBe(1);
    expect(new URL(visit.page.url()).hash).toBe("");
    await visit.page.getByRole("button", { name: "Show all" }).click();
    await expect.poll(async () => await visit.page.getByRole("button", { name: "Show all" }).isDisabled()).toBe(true);
    const left = await placeOf("tn-4");
    await visit.node("tn-4").focus();
    await visit.page.keyboard.press("Alt+ArrowDown");
    await expect.poll(async () => (await placeOf("tn-4")).y).toBeGreaterThan(left.y);
    const hop = async () => (await placeOf("tn-2")).x - (await placeOf("tn-1")).x;
    const near = await hop();
    await visit.page.keyboard.press("+");
    await expect.poll(hop).toBeGreaterThan(near * 1.1);
    await visit.page.keyboard.press("0");
    const kept = await visit.page.evaluate('localStorage.getItem("qkd-dashboard:places:qkd-edge demo")');
    await visit.page.reload();
    await visit.arrives();
    expect(await visit.page.evaluate('localStorage.getItem("qkd-dashboard:places:qkd-edge demo")')).toBe(kept);
    await visit.page.getByRole("button", { name: "Lay out anew" }).click();
    expect(await visit.page.evaluate("localStorage.length")).toBe(0);
  });

  test("a link is added by a form: what is wrong is said at its field, and nothing changes before it is applied", async () => {
    const { version } = await readNetwork(network);
    // What fails once is asked for again.
    await visit.page.route("**/api/v1/network/versions", async (route) => await route.fulfill({ status: 503 }), {
      times: 1,
    });
    await visit.open("Configure");
    await visit.panel("Versions").getByText("in force").waitFor();
    await visit.page.getByRole("button", { name: "Add a link" }).click();
    const form = visit.panel("Add a link");
    // The first nodes without one.
    expect(await form.getByLabel("Name").inputValue()).toBe("tn-1-tn-3");
    await form.getByLabel("From").selectOption("tn-4");
    await form.getByLabel("To").selectOption("tn-5");
    await expect.poll(async () => await form.getByLabel("Name").inputValue()).toBe("tn-4-tn-5");
    await form.getByLabel("Key rate").fill("fast");
    await form.getByRole("button", { name: "Review the change" }).click();
    await form.getByText("shall be a number").waitFor();
    expect(await visit.dialog.count()).toBe(0);
    await form.getByLabel("Source").selectOption("bb84");
    // Somebody else's version takes nothing of it away.
    await changeNetwork(network, (document) => ({ ...document, policy: { ...document.policy, drain_s: 2 } }));
    await visit
      .panel("Versions")
      .getByRole("row")
      .filter({ hasText: `${version + 1}` })
      .getByText("in force")
      .waitFor();
    expect(await form.getByLabel("Name").inputValue()).toBe("tn-4-tn-5");
    await form.getByRole("button", { name: "Review the change" }).click();
    await visit.dialog.getByText("added in links").waitFor();
    await visit.dialog.getByText("No key is lost by it.").waitFor();
    expect(await visit.violations()).toEqual([]);
    expect((await readNetwork(network)).version).toBe(version + 1);
    await visit.applies();
    expect(await form.count()).toBe(0);
    expect(await linkInForce("tn-4-tn-5")).toMatchObject({ nodes: ["tn-4", "tn-5"], source: "bb84" });
    visit.faults.length = 0;
    // A second window, on its page before its modules have made anything.
    second = await visit.context.newPage();
    await second.goto(`${network.edge}/#/links/tn-4-tn-5`);
    await visit.open("Network");
    await visit.link("tn-4-tn-5").waitFor({ state: "attached" });
  });

  test("a link is cut, though somebody else changes the network meanwhile; keys go around it, and the audit has it", async () => {
    await visit.link("tn-2-tn-3").focus();
    await visit.page.keyboard.press("Enter");
    await visit.page.getByRole("button", { name: "Cut the link" }).click();
    await visit.dialog.getByText(/of unused key of link tn-2-tn-3 are given up/).waitFor();
    expect(await visit.violations()).toEqual([]);
    await changeNetwork(network, (document) => ({ ...document, policy: { ...document.policy, drain_s: 1 } }));
    await visit.dialog.getByRole("button", { name: "Apply" }).click();
    await visit.dialog.getByText(/Somebody else has changed the network meanwhile/).waitFor();
    expect(await linkInForce("tn-2-tn-3")).toBeDefined();
    await visit.applies();
    expect(await linkInForce("tn-2-tn-3")).toBeUndefined();
    expect((await readNetwork(network)).document.policy.drain_s).toBe(1);
    await visit.open("Network");
    await visit.page.getByRole("link", { name: "Link tn-2-tn-3 has been cut" }).waitFor({ state: "attached" });
    await relayed("tn-1", "tn-2", "tn-5", "tn-3")
      .or(relayed("tn-3", "tn-5", "tn-2", "tn-1"))
      .first()
      .waitFor({ timeout: 90_000 });
    await visit.open("Audit");
    await visit.page.getByLabel("Log").selectOption("deployment");
    await visit.page
      .getByRole("row")
      .filter({ hasText: "network.put" })
      .filter({ hasText: "-links/tn-2-tn-3" })
      .last()
      .waitFor();
  });

  test("and is put back as it was, also from what the page finds in the version before", async () => {
    await visit.page.route("**/api/v1/network", async (route) => await route.fulfill({ status: 503 }), { times: 1 });
    await visit.page.reload();
    await visit.open("Network");
    await visit.link("tn-2-tn-3").focus();
    await visit.page.keyboard.press("Enter");
    await visit.page.getByRole("button", { name: "Restore the link" }).click();
    await visit.applies();
    visit.faults.length = 0;
    expect(await linkInForce("tn-2-tn-3")).toMatchObject({ source: "simulated", key_rate_bps: 400_000 });
    await visit.panel("Where its bits are").getByText("available", { exact: true }).waitFor();
    await visit.open("Network");
    await relayed("tn-1", "tn-2", "tn-3")
      .or(relayed("tn-3", "tn-2", "tn-1"))
      .first()
      .waitFor({ timeout: 90_000 });
    await visit.goTo("#/links/long-gone");
    await visit.page.getByRole("main").getByRole("link", { name: "Configure" }).click();
    await visit.panel("Versions").getByRole("button", { name: "Go back to version 1", exact: true }).waitFor();
  });

  test("an alarm is acknowledged with a note", async () => {
    await visit.open("Alarms");
    const alarm = visit.page.getByRole("listitem").filter({ hasText: "pool-empty" }).filter({ hasText: EMPTY });
    await alarm.getByRole("button", { name: "Acknowledge" }).click();
    // Time goes by on the page, and takes nobody's focus.
    await visit.page.locator(":focus[placeholder='optional']").waitFor();
    await visit.page.keyboard.press("Tab");
    const since = async () => await alarm.locator(".since").textContent();
    const before = await since();
    await expect.poll(since).not.toBe(before);
    expect(await visit.page.locator(":focus").textContent()).toBe("Acknowledge");
    await visit.page.getByLabel("Note").fill("the device comes on Monday");
    await visit.page.keyboard.press("Enter");
    await visit.page.getByRole("button", { name: /^Acknowledged/ }).click();
    await alarm.getByText("acknowledged by operator:operator: “the device comes on Monday”").waitFor();
    expect(await visit.violations()).toEqual([]);
    const { alarms } = (await (await network.fetch("/api/v1/alarms", "operator")).json()) as {
      readonly alarms: readonly { readonly code: string; readonly acknowledged: unknown }[];
    };
    expect(alarms.find(({ code }) => code === "pool-empty")?.acknowledged).toMatchObject({
      note: "the device comes on Monday",
    });
  });

  test("once its cause is gone it stands among those that are cleared", async () => {
    const path = `/api/v1/links/${EMPTY}/blocks/monday%3A0?node=tn-2`;
    const body = new Uint8Array(randomBytes(64 * 1024));
    expect((await network.fetch(path, "operator", { method: "PUT", body })).status).toBe(201);
    await visit.page.getByRole("button", { name: /^Cleared/ }).click();
    const alarm = visit.page.getByRole("listitem").filter({ hasText: "pool-empty" }).filter({ hasText: EMPTY });
    await alarm.getByText(/cleared .*acknowledged by operator:operator/).waitFor();
    expect(await alarm.getByRole("button").count()).toBe(0);
  });

  test("a link's page has its history, which the keyboard reads and zooms", async () => {
    await visit.goTo("#/links/tn-2-tn-3");
    const plot = visit.page.getByRole("group", { name: /^Key in store, from/ });
    await expect.poll(async () => await plot.locator(".run").count()).toBeGreaterThan(0);
    const moment = visit.page.locator("figure", { hasText: "Key in store" }).locator(".moment");
    await plot.focus();
    await visit.page.keyboard.press("ArrowLeft");
    await expect.poll(async () => await moment.textContent()).toMatch(/^\d\d:\d\d$/);
    const span = await plot.getAttribute("aria-label");
    await visit.page.keyboard.press("+");
    await expect.poll(async () => await plot.getAttribute("aria-label")).not.toBe(span);
    await visit.page.getByRole("button", { name: "Whole range" }).click();
    await visit.page.getByRole("button", { name: "24 h" }).click();
    expect(await plot.getAttribute("aria-label")).toMatch(/^Key in store, from/);
  });

  test("a page that was opened before there was a QBER has its history too", async () => {
    const plot = second.getByRole("group", { name: /^QBER, from/ });
    await expect.poll(async () => await plot.locator(".run").count(), { timeout: 90_000 }).toBeGreaterThan(0);
    await second.close();
  });

  test("an SAE is added at its node with a token that is shown once and counts", async () => {
    await visit.goTo("#/nodes/tn-4");
    await visit.panel("SAEs").getByRole("button", { name: "Add" }).click();
    await visit.page.getByLabel("SAE ID").fill("sae-new");
    await visit.page.getByRole("button", { name: "Remove", exact: true }).first().click();
    await visit.page.getByRole("button", { name: "Make a token" }).click();
    const token = (await visit.page.locator(".secret").textContent()) ?? "";
    await visit.page.getByRole("button", { name: "Review the change" }).click();
    expect(await visit.dialog.textContent()).not.toContain(token);
    await visit.applies();
    expect(await visit.page.locator(".secret").allTextContents()).toEqual([token]);
    await visit.page.getByRole("button", { name: "I have it" }).click();
    expect(await visit.page.locator(".secret").count()).toBe(0);
    const whoami = async () =>
      await (await fetch(`${network.edge}/api/v1/whoami`, { headers: { authorization: `Bearer ${token}` } })).text();
    await expect.poll(whoami).toMatch(/"id":"sae-new"/);
  });

  test("other pages cannot act by the session, nor this one without its token", async () => {
    const { version } = await readNetwork(network);
    const status = await visit.page.evaluate(
      `fetch("/api/v1/network/restore", {method: "POST", headers: {"If-Match": '"${version}"', "Content-Type": "application/json"}, body: '{"version":1}'}).then((r) => r.status)`,
    );
    expect(status).toBe(403);
    expect((await readNetwork(network)).version).toBe(version);
    const page = await fetch(`${network.edge}/`);
    expect(page.headers.get("Content-Security-Policy")).toMatch(
      /^default-src 'none'; script-src 'self'; style-src 'self';/,
    );
    expect(await page.text()).not.toMatch(/<script(?![^>]*\bsrc="\/dashboard\/assets\/)|\son\w+=|style="|https?:\/\//);
    visit.faults.length = 0;
  });

  test("nothing is wrong with it for axe, in light and dark, wide and on a phone, where nothing is cut off", async () => {
    const seen = async (name: string): Promise<void> => {
      const page = PAGES.find((each) => each === name);
      await (page === undefined ? visit.goTo(name) : visit.open(page));
      await visit.page.getByRole("heading", { level: 1 }).waitFor({ state: "attached" });
      expect([name, await visit.overflowPx()]).toEqual([name, 0]);
    };
    await visit.page.emulateMedia({ colorScheme: "dark" });
    for (const name of [...PAGES, "#/links/tn-1-tn-2", "#/nodes/tn-1", "#/sites/site-a"]) {
      await seen(name);
      expect([name, await visit.violations()]).toEqual([name, []]);
    }
    await visit.page.setViewportSize({ width: 360, height: 720 });
    for (const name of [...PAGES, "#/links/tn-1-tn-2", "#/nodes/tn-1", "#/sites/site-a"]) await seen(name);
    await visit.open("Audit");
    const detail = await visit.page.locator(".audit-table .detail").first().boundingBox();
    expect((detail?.x ?? 360) + (detail?.width ?? 360), "what happened is in sight").toBeLessThanOrEqual(360);
    await visit.open("Network");
    await visit.page.getByRole("button", { name: /^Colours: system/ }).click();
    expect(await visit.page.evaluate("getComputedStyle(document.documentElement).colorScheme")).toBe("light");
    expect(await visit.violations()).toEqual([]);
    await visit.page.setViewportSize({ width: 1280, height: 860 });
  });

  if (process.env["QKD_PICTURES"] === "1") {
    // By hand, where the page has come to look otherwise.
    test("pictures for docs/dashboard.md", { timeout: 400_000 }, async () => await takePictures(browser));
  }

  test("the page asked nobody but its edge, and had no fault", () => {
    expect([...visit.origins]).toEqual([network.edge]);
    expect(visit.faults).toEqual([]);
  });

  test("who signs out, or is revoked, sees nothing more", async () => {
    const other = await Visit.begin(browser, network.edge);
    await other.signIn(operatorToken());
    await other.arrives();
    await other.page.route("**/api/v1/session", async (route) => await route.abort(), { times: 1 });
    await other.page.getByRole("button", { name: /^Sign out/ }).click();
    await other.page.getByRole("alert").filter({ hasText: "Still signed in: The edge does not answer." }).waitFor();
    await other.page.getByRole("button", { name: /^Sign out/ }).click();
    await other.page.getByRole("status").filter({ hasText: "You are signed out." }).waitFor();
    expect(await other.context.cookies()).toEqual([]);
    await visit.open("Network");
    const body = JSON.stringify({ kind: "principal", value: "operator:operator", reason: "left", force: true });
    expect((await network.fetch("/api/v1/revocations", "operator", { method: "POST", body })).status).toBe(201);
    await visit.page.getByRole("status").filter({ hasText: "the session has ended" }).waitFor();
    expect(await visit.node("tn-1").count()).toBe(0);
  });
});
