/**
 * The messenger in two browsers, at the two ends of the demo's chain: sae-a at tn-1 and sae-b at tn-4, three hops apart. Its
 * links live on what is pushed, so that they can run out of key.
 */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Person, startBrowser, whyNoBrowser } from "../support/messenger-people.ts";
import { CHAIN_LINKS } from "../support/chain-rig.ts";
import { takePictures } from "../support/messenger-pictures.ts";
import { pushedDemo } from "../support/network-document.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

const BLOCK_BYTES = 64 * 1024;

let network: RunningNetwork;
let browsers: Browser[] = [];
let anna: Person;
let bert: Person;
let pushed = 0;

/** So many blocks of key for each link of the chain. */
async function push(blocks: number): Promise<void> {
  for (const [node, other] of CHAIN_LINKS) {
    for (let i = 0; i < blocks; i++) {
      const path = `/api/v1/links/${node}-${other}/blocks/messenger-${pushed++}%3A0?node=${node}`;
      const answer = await network.fetch(path, "operator", {
        method: "PUT",
        body: new Uint8Array(randomBytes(BLOCK_BYTES)),
      });
      expect(answer.status).toBe(201);
    }
  }
}

/** Takes all keys that the two have, over ETSI 014 as anybody could. */
async function drain(): Promise<void> {
  for (let [count, sizeBits] = [64, 4096]; count > 0;) {
    const answer = await network.fetch(`/api/v1/keys/sae-b/enc_keys?number=${count}&size=${sizeBits}`, "sae-a");
    await answer.arrayBuffer();
    if (answer.status === 200) continue;
    expect(answer.status).toBe(503);
    [count, sizeBits] = sizeBits > 256 ? [64, 256] : [Math.floor(count / 2), 256];
  }
}

/** So many frames of sound more than before. */
async function hears(person: Person, more: number): Promise<void> {
  const heard = async () =>
    Number(await person.page.getByRole("meter", { name: /How loud/ }).getAttribute("data-heard-frames"));
  const before = await heard();
  await expect.poll(heard).toBeGreaterThan(before + more);
}

const siteOf = (me: string, peer: string) => ({ edge: network.edge, token: network.tokens[me] ?? "", me, peer });
const both = (): readonly Person[] => [anna, bert];
const title = "the messenger, in two browsers";

describe.skipIf(whyNoBrowser !== null)(whyNoBrowser === null ? title : `${title} (skipped: ${whyNoBrowser})`, () => {
  beforeAll(async () => {
    [network, ...browsers] = await Promise.all([runNetwork({ network: pushedDemo() }), startBrowser(), startBrowser()]);
    await push(4);
    anna = await Person.arrive(browsers[0]!, siteOf("sae-a", "sae-b"));
    bert = await Person.arrive(browsers[1]!, siteOf("sae-b", "sae-a"), { colorScheme: "dark" });
  });
  afterAll(async () => {
    await Promise.all(browsers.map(async (browser) => await browser.close()));
    await network.stop();
  });

  test("whoever is not known, is no application or names nobody, is told so", async () => {
    expect(await anna.violations()).toEqual([]);
    const refused = async (words: RegExp, how: Parameters<Person["signIn"]>[0]) => {
      await anna.signIn(how);
      await anna.page.getByRole("alert").filter({ hasText: words }).waitFor();
    };
    await refused(/does not know this token/, { token: "nobody's" });
    await refused(/needs an application/, { token: network.tokens["operator"] ?? "" });
    await refused(/You are sae-a yourself/, { peer: "sae-a" });
    await refused(/No conversation with "sae-x"/, { peer: "sae-x" });
    // The refusals are on the console, as a browser puts them there.
    anna.faults.length = 0;
  });

  test("two people meet, and text goes both ways under keys that both name alike", async () => {
    for (const person of both()) await person.signIn();
    for (const person of both()) await person.meets();
    await anna.say("Good morning from tn-1.");
    await bert.say("And to you, from tn-4.");
    await anna.delivered("Good morning from tn-1.");
    await bert.delivered("And to you, from tn-4.");
    for (const text of ["Good morning from tn-1.", "And to you, from tn-4."]) {
      expect(await anna.keyOf(text)).toMatch(/^[0-9a-f]{8}$/);
      expect(await bert.keyOf(text)).toBe(await anna.keyOf(text));
      await anna.bubble(text).getByText("3 hops").waitFor();
    }
    const nodes = (await anna.openDetails()).getByRole("list", { name: /From your node/ }).getByRole("listitem");
    expect(await nodes.allTextContents()).toEqual(["tn-1", "tn-2", "tn-3", "tn-4"]);
    await anna.closeDetails();
  });

  test("the channel is direct where it opens, the room's where that is wished, and the room sees no word", async () => {
    for (const person of both()) await person.channelIs("Direct");
    const before = anna.inRoom.length;
    await anna.say("By the direct way.");
    await anna.delivered("By the direct way.");
    expect(anna.inRoom.length).toBe(before);
    await bert.roomOnly(true);
    for (const person of both()) await person.channelIs("Through the room");
    await anna.say("By way of the room.");
    await anna.delivered("By way of the room.");
    await bert.sees("By way of the room.");
    expect(anna.inRoom.length).toBeGreaterThan(before);
    for (const frame of [...anna.inRoom, ...bert.inRoom])
      expect(frame).not.toMatch(/way of the room|Good morning|candidate/);
  });

  test("keys change after as many messages as were set", async () => {
    await anna.rotateAfter(2);
    for (let i = 1; i <= 5; i++) await anna.say(`Rotation ${i}.`);
    await anna.delivered("Rotation 5.");
    const keys = await Promise.all([1, 2, 3, 4, 5].map(async (i) => await bert.keyOf(`Rotation ${i}.`)));
    expect(new Set(keys).size).toBeGreaterThanOrEqual(3);
    expect(await Promise.all([1, 2, 3, 4, 5].map(async (i) => await anna.keyOf(`Rotation ${i}.`)))).toEqual(keys);
  });

  test("a text under a one-time pad shows the bits that it costs, at both ends", async () => {
    await anna.page.getByRole("switch", { name: "One-time pad" }).click();
    await anna.page.getByRole("textbox", { name: /^Message to/ }).fill("x".repeat(481));
    await anna.sees("Too long for a one-time pad: 480 bytes at most.");
    await anna.say("Door code 4711");
    await anna.delivered("Door code 4711");
    for (const person of both()) await person.bubble("Door code 4711").getByText("One-time pad · 368 bits").waitFor();
    expect(await bert.keyOf("Door code 4711")).toBe(await anna.keyOf("Door code 4711"));
    await anna.sees("368 bits spent");
    await anna.page.getByRole("switch", { name: "One-time pad" }).click();
  });

  test("a file of 5 MB arrives whole while the channel changes, and only where it was accepted", async () => {
    const bytes = randomBytes(5_000_000);
    const file = { name: "figures.bin", mimeType: "application/octet-stream", buffer: bytes };
    await anna.page.getByLabel("Files").setInputFiles(file);
    const card = bert.bubble("figures.bin");
    await card.getByText("5.0 MB, from sae-a").waitFor();
    await card.getByRole("button", { name: "Accept" }).click();
    await bert.roomOnly(false);
    await card.getByText("whole, checked").waitFor();
    await anna.bubble("figures.bin").getByText("arrived whole").waitFor();
    const [download] = await Promise.all([
      bert.page.waitForEvent("download"),
      card.getByRole("link", { name: "Save" }).click(),
    ]);
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(await download.path())) hash.update(chunk as Buffer);
    expect(download.suggestedFilename()).toBe("figures.bin");
    expect(hash.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
    await anna.page.getByLabel("Files").setInputFiles({ ...file, name: "unwanted.bin", buffer: randomBytes(1000) });
    await bert.bubble("unwanted.bin").getByRole("button", { name: "Decline" }).click();
    await anna.bubble("unwanted.bin").getByText("declined").waitFor();
  });

  test("a call rings, is answered, is heard at both ends by either way, and ends", async () => {
    await anna.channelIs("Direct");
    await bert.page.getByRole("textbox", { name: /^Message to/ }).focus();
    await anna.page.getByRole("button", { name: "Call sae-b" }).click();
    await bert.page.getByRole("alert").filter({ hasText: "sae-a is calling" }).waitFor();
    // Who is typing goes on typing, and does not answer by it.
    await bert.page.keyboard.press("Enter");
    await bert.page.getByRole("button", { name: "Answer" }).click();
    for (const person of both()) await hears(person, 10);
    await bert.roomOnly(true);
    await anna.channelIs("Through the room");
    for (const person of both()) await hears(person, 10);
    await anna.page.getByRole("button", { name: "Mute" }).click();
    await anna.page.getByRole("button", { name: "Hang up" }).click();
    for (const person of both()) await person.sees("Call ended after");
  });

  test("without key it waits and says why and since when; nothing goes otherwise, until there is key", async () => {
    await anna.rotateAfter(1);
    await anna.say("This one had a key.");
    await anna.delivered("This one had a key.");
    await drain();
    await anna.say("This one waits.");
    await anna.page
      .getByRole("status")
      .filter({ hasText: /Waiting for key since \d\d:\d\d:\d\d: .+\. What you send stays here/ })
      .waitFor();
    await anna.bubble("This one waits.").getByText("waiting for key").waitFor();
    // What the other side says comes under the key it has.
    await bert.say("I am still here.");
    await anna.sees("I am still here.");
    expect(await bert.bubble("This one waits.").count()).toBe(0);
    expect(await anna.violations()).toEqual([]);
    await push(2);
    await anna.delivered("This one waits.");
    await bert.sees("This one waits.");
  });

  test("who loads the page anew is signed out and told; the other sees it, and what was written meanwhile arrives", async () => {
    await anna.rotateAfter(20);
    await bert.page.reload();
    await bert.page.getByRole("status").filter({ hasText: "You are signed out" }).waitFor();
    expect(await bert.stored()).toEqual([[0, 0, 0, 0], []]);
    await anna.page.getByText("away", { exact: true }).waitFor();
    await anna.say("Written while you were away.");
    await anna.bubble("Written while you were away.").getByText("waits for sae-b").waitFor();
    await bert.signIn();
    await bert.sees("Written while you were away.");
    await anna.delivered("Written while you were away.");
    expect(await bert.bubble("Good morning from tn-1.").count()).toBe(0);
    await bert.say("Back again.");
    await anna.sees("Back again.");
  });

  test("nothing is wrong with it for axe, in light and dark, wide and on a phone, where nothing is cut off", async () => {
    await bert.page.setViewportSize({ width: 360, height: 720 });
    expect(await bert.violations()).toEqual([]);
    for (const person of both()) {
      expect(await person.overflowPx()).toBeLessThanOrEqual(0);
      await person.openDetails();
      // Where the details lie over the talk nobody gets behind them.
      expect(await person.page.locator("[inert] .composer").count()).toBe(person === bert ? 1 : 0);
      expect(await person.violations()).toEqual([]);
      expect(await person.overflowPx()).toBeLessThanOrEqual(0);
      await person.closeDetails();
      await person.page.locator(":focus[aria-label='Keys and settings']").waitFor();
    }
  });

  test("the page asked nobody but its edge, kept nothing, and had no fault", async () => {
    for (const person of both()) {
      expect([...person.origins].filter((origin) => origin !== "null")).toEqual([network.edge]);
      expect(await person.stored()).toEqual([[0, 0, 0, 0], []]);
      expect(person.faults.filter((fault) => !fault.includes("503"))).toEqual([]);
    }
  });

  test("a certificate signs in as well as a token, at the site's own key management entity", async () => {
    const origin = network.kme["tn-3"] ?? "";
    const certs = `${network.state}/certs`;
    const clientCertificates = [{ origin, certPath: `${certs}/sae-d.crt`, keyPath: `${certs}/sae-d.key` }];
    const site = { edge: origin, token: "", me: "sae-d", peer: "sae-b" };
    const dora = await Person.arrive(browsers[0]!, site, { ignoreHTTPSErrors: true, clientCertificates });
    await dora.sees("Your certificate says that you are sae-d");
    await dora.signIn();
    await dora.page.getByText("away", { exact: true }).waitFor();
    await dora.page.getByRole("button", { name: "Sign out" }).click();
    await dora.sees("You are signed out.");
  });

  if (process.env["QKD_PICTURES"] === "1") {
    // By hand, where the page has come to look otherwise.
    test("pictures for docs/messenger.md", async () => {
      await push(4);
      await takePictures([browsers[0]!, browsers[1]!], [siteOf("sae-a2", "sae-b"), siteOf("sae-b", "sae-a2")]);
    });
  }

  test("whoever is revoked is out, whatever they were doing, and is told so", async () => {
    const body = JSON.stringify({ kind: "principal", value: "sae:sae-b", reason: "phone lost" });
    expect((await network.fetch("/api/v1/revocations", "operator", { method: "POST", body })).status).toBe(201);
    await bert.page.getByRole("status").filter({ hasText: "You may not be here any more" }).waitFor();
    await anna.page.getByText("away", { exact: true }).waitFor();
    // What the edge answers may be a second old.
    await expect.poll(async () => (await network.fetch("/api/v1/whoami", "sae-b")).status).toBe(401);
    await bert.signIn();
    await bert.page.getByRole("alert").filter({ hasText: "does not know this token" }).waitFor();
  });
});
