/** Two ends of a link in one process, each with its thread, its spool and a real socket to the other. */
import { readFileSync, rmSync } from "node:fs";
import net from "node:net";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../../../test/support/operator.ts";
import { type FeedBench, feedBench, type StartedFeed } from "../../../test/support/feed-bench.ts";
import { ownPort } from "../../../test/support/own-port.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { JournalStore } from "./store.ts";

const PATIENCE_MS = 50_000;

/** Short blocks that give some key all the same: a clear line, and many pulses in the test basis. */
const SHORT = {
  sim: "bb84",
  loss_db: 0,
  misalignment: 0.0005,
  key_basis_probability: 0.4,
  key_basis_detections: 20_000,
  pulse_rate_hz: 1_000_000_000,
};
const FAKE = { sim: "fake", key_rate_bps: 1_000_000 };

let bench: FeedBench;
let port: number;
beforeEach(async () => {
  bench = await feedBench();
  bench.edge.twoEnded = true;
  port = await ownPort();
});
afterEach(async () => await bench.stop());

const start = async (role: "sender" | "receiver", settings: object, more: object = {}): Promise<StartedFeed> =>
  await bench.start({
    type: "qkd-module",
    name: role,
    node: role === "sender" ? "n1" : "n2",
    role,
    ...(role === "sender" ? { listen: `127.0.0.1:${port}` } : { connect: `127.0.0.1:${port}` }),
    peer_public_key: "as-told",
    ...settings,
    ...more,
  });

const now = async <T>(value: () => T): Promise<T> => await Promise.resolve(value());
const matched = (): number => [...bench.edge.blocks.values()].filter(({ state }) => state === "matched").length;
const untilMatched = async (count: number): Promise<void> =>
  void (await eventually(
    async () => await now(matched),
    (blocks) => blocks >= count,
    PATIENCE_MS,
  ));
const untilAlarm = async (feed: StartedFeed, code: string): Promise<void> =>
  void (await eventually(
    async () => await now(() => feed.alarms()),
    (codes) => codes.includes(code),
    PATIENCE_MS,
  ));
const states = (): Set<string> => new Set([...bench.edge.blocks.values()].map(({ state }) => state));

function expectBlocksAndFigures(sim: "bb84" | "fake", ...ends: readonly StartedFeed[]): void {
  for (const id of bench.edge.blocks.keys()) expect(id).toMatch(new RegExp(`^${sim}/l/\\d+$`));
  const blocks = bench.logged.filter(({ event }) => event === "qkd block");
  expect(blocks.some(({ fields }) => fields["feed"] === "receiver")).toBe(true);
  expect(blocks.find(({ fields }) => fields["outcome"] === "released")?.fields["keyBits"]).toBeGreaterThan(0);
  for (const { feed } of ends) {
    const { device } = feed.gauges;
    expect(device["blocksReleased"]).toBeGreaterThan(0);
    expect(device["keyRateBps"]).toBeGreaterThan(0);
    if (sim === "bb84") expect(device["qberX"]).toBeGreaterThan(0);
    if (sim === "bb84") expect(device["qberX"]).toBeLessThan(0.003);
  }
  expect(states()).not.toContain("quarantined");
}

test("fake: both ends push the same blocks, and figures are shown", async () => {
  const ends = [await start("sender", FAKE), await start("receiver", FAKE)];
  await untilMatched(3);
  expectBlocksAndFigures("fake", ...ends);
});

test("bb84: so it is, though either end's thread is ended in the middle of things, again and again: nothing differs, nothing is lost, nothing is twice", async () => {
  let [sender, receiver] = [await start("sender", SHORT), await start("receiver", SHORT)];
  await untilMatched(3);
  expectBlocksAndFigures("bb84", sender, receiver);
  for (let turn = 0; turn < 4; turn++) {
    await untilMatched(2 * turn + 3);
    if (turn % 2 === 0) {
      await sender.stop();
      sender = await start("sender", SHORT);
    } else {
      await receiver.stop();
      receiver = await start("receiver", SHORT);
    }
  }
  await untilMatched(11);
  await sender.stop();
  // What is finished comes to the edge from the receiver too.
  await eventually(
    async () => await now(states),
    (all) => all.size === 1 && all.has("matched"),
    PATIENCE_MS,
  ).catch(() => null);
  // A block that only one end has pushed so far is one whose other end had it in its store when it was stopped.
  await receiver.stop();
  const pushed = new Set(bench.edge.pushes);
  for (const role of ["sender", "receiver"]) {
    const store = new JournalStore(path.join(bench.folder, "spool", role), bench.spoolKey);
    for (const name of store.names()) {
      const [kind, sim, block] = name.split("/");
      if (kind === "key") pushed.add(`${sim}/l/${block}`);
    }
    store.close();
  }
  expect(states()).not.toContain("quarantined");
  for (const [id, { bytes }] of bench.edge.blocks) {
    expect(pushed).toContain(id);
    expect([...bench.edge.blocks].filter(([other, block]) => other !== id && block.bytes.equals(bytes))).toEqual([]);
  }
});

test("both ends' folders are lost: blocks come by names that the pool has not heard", async () => {
  for (const round of [1, 2]) {
    const feeds = [await start("sender", FAKE), await start("receiver", FAKE)];
    await untilMatched(round * 2);
    for (const feed of feeds) {
      expect(feed.alarms()).toEqual([]);
      await feed.stop();
    }
    rmSync(path.join(bench.folder, "spool"), { recursive: true });
    // What one end has not pushed is gone with its folder.
    for (const [id, { state }] of bench.edge.blocks) if (state === "unmatched") bench.edge.blocks.delete(id);
  }
});

test("Eve is an alarm at both ends; key without her clears it", async () => {
  const tapped = { ...SHORT, eve_share: 0.5 };
  let sender = await start("sender", tapped);
  const receiver = await start("receiver", SHORT);
  for (const end of [sender, receiver]) await untilAlarm(end, "qber-above-bound");
  expect(bench.edge.blocks.size).toBe(0);
  const aborted = bench.logged.find(({ event, fields }) => event === "qkd block" && fields["outcome"] === "aborted");
  expect(aborted?.fields["qberZ"]).toBeGreaterThan(0.08);
  await sender.stop();
  sender = await start("sender", SHORT);
  await untilMatched(1);
  await eventually(
    async () => await now(() => receiver.alarms()),
    (codes) => !codes.includes("qber-above-bound"),
    PATIENCE_MS,
  );
});

test("with enough key in the pool no more is made, and more when there is less", async () => {
  bench.edge.highBits = 1_000_000;
  bench.edge.availableBits = 1_000_000;
  const [sender] = [await start("sender", FAKE), await start("receiver", FAKE)];
  await eventually(
    async () => await now(() => sender.feed.gauges),
    ({ device, heldBack }) => heldBack && device["module"] === "full",
    PATIENCE_MS,
  );
  bench.edge.availableBits = 0;
  await untilMatched(1);
});

test("max_key_count is that, too", async () => {
  bench.edge.availableBits = 256 * 10;
  const [sender] = [await start("sender", FAKE, { max_key_count: 10 }), await start("receiver", FAKE)];
  await eventually(
    async () => await now(() => sender.feed.gauges),
    ({ device }) => device["module"] === "full",
    PATIENCE_MS,
  );
  expect(sender.feed.gauges.heldBack).toBe(false);
});

test("a receiver that has no room left listens no more, and goes on when there is some", async () => {
  bench.edge.intercept = ({ method, path: asked }) =>
    method === "PUT" && asked.endsWith("node=n2") ? "unreachable" : null;
  await start("sender", FAKE);
  const receiver = await start("receiver", FAKE, { spool_blocks: 1 });
  await untilAlarm(receiver, "spool-full");
  const full = await eventually(
    async () => await now(() => receiver.feed.gauges.device),
    ({ finishedBlocks }) => Number(finishedBlocks) > LIMITS.moduleFinishedBlocks,
    PATIENCE_MS,
  );
  expect(full["finishedBlocks"]).toBe(LIMITS.moduleFinishedBlocks + 1);
  bench.edge.intercept = () => null;
  await untilMatched(Number(full["blocksReleased"]) + 1);
  expect(states()).not.toContain("quarantined");
});

const keyOf = (role: string): string => path.join(bench.folder, "spool", role, "public-key.hex");

test("each waits for the other's public key, and takes nobody else's", async () => {
  const sender = await start("sender", SHORT, { peer_public_key: undefined, peer_public_key_file: keyOf("receiver") });
  await untilAlarm(sender, "module-peer-key");
  await start("receiver", SHORT, { peer_public_key: undefined, peer_public_key_file: keyOf("sender") });
  await untilMatched(1);
  expect(sender.alarms()).toEqual([]);
  expect(readFileSync(keyOf("sender"), "utf8")).not.toBe(readFileSync(keyOf("receiver"), "utf8"));
  // Somebody who answers in that receiver's place.
  port = await ownPort();
  const wary = { name: "wary", peer_public_key: undefined, peer_public_key_file: keyOf("receiver") };
  const deceived = await start("sender", SHORT, wary);
  await start("receiver", SHORT, { name: "somebody" });
  await untilAlarm(deceived, "authentication-failed");
  expect(deceived.feed.gauges.blocksRead).toBe(0);
});

test("frames that cannot be and bytes that are nothing end their connection, and nothing else", async () => {
  const sender = await start("sender", FAKE);
  await eventually(
    async () => await now(() => bench.logged),
    (lines) => lines.some(({ event }) => event.startsWith("listening")),
    PATIENCE_MS,
  );
  for (const bytes of ["ffffffff", "00000000", "00000004deadbeef", "000000", "0000000201 00".replace(" ", "")]) {
    const socket = net.connect({ port, host: "127.0.0.1" });
    socket.on("error", () => undefined);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.end(Buffer.from(bytes, "hex"));
    socket.resume();
    await closed;
  }
  await start("receiver", FAKE);
  await untilMatched(1);
  expect(sender.alarms()).toEqual([]);
});
