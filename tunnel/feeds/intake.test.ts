import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FakeEdge } from "../../test/support/fake-edge.ts";
import { smallDisk } from "../../test/support/small-disk.ts";
import { Spool } from "../spool/spool.ts";
import { FeedAlarms } from "./alarms.ts";
import { Intake } from "./intake.ts";
import { Backpressure } from "./pressure.ts";

let folder: string;
let spool: Spool;
let alarms: FeedAlarms;
let intake: Intake;
const disk = { bytes: 100_000 };
const never = new AbortController().signal;
const codes = () => alarms.standing.map(({ code }) => code);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "qkd-intake-"));
  disk.bytes = 100_000;
  const bounds = { maxBytes: 10_000_000, maxBlocks: 10 };
  spool = await Spool.open({ folder: join(folder, "s"), key: randomBytes(32), ...bounds, open: smallDisk(disk) });
  alarms = new FeedAlarms(() => undefined);
  intake = new Intake(spool, alarms, new Backpressure(new FakeEdge().send, "l", "available", () => 0));
});
afterEach(async () => {
  await spool.close();
  await rm(folder, { recursive: true, force: true });
});

test("on a full disk the device waits, with an alarm, until there is room", async () => {
  disk.bytes = 0;
  const room = intake.room(1000, never);
  await vi.waitFor(() => expect(codes()).toEqual(["disk-full"]));
  expect(alarms.standing[0]?.detail).toContain("ENOSPC");
  disk.bytes = 100_000;
  await intake.leave(await room);
  expect(codes()).toEqual([]);
});

test("a disk that fails under a block that the device has given away loses nothing of it", async () => {
  const room = await intake.room(1000, never);
  disk.bytes = -1;
  const bytes = randomBytes(1000);
  const kept = intake.put(room, { id: "a", bytes }, never);
  await vi.waitFor(() => expect(codes()).toEqual(["disk-full"]));
  disk.bytes = 100_000;
  await kept;
  const [entry] = [...spool.waiting];
  expect(Buffer.compare((await spool.read(entry!))!.bytes, bytes)).toBe(0);
  expect([spool.waitingCount, intake.blocks, intake.bytes, codes()]).toEqual([1, 1, 1000, []]);
});

test("who waits for room is told when the feed ends", async () => {
  disk.bytes = 0;
  const ending = new AbortController();
  const room = intake.room(1000, ending.signal);
  await vi.waitFor(() => expect(codes()).toEqual(["disk-full"]));
  ending.abort();
  await expect(room).rejects.toThrow();
});

test("alarms are bounded in number, and told to the log once a reason", () => {
  const lines: string[] = [];
  const many = new FeedAlarms((_level, event, fields) => lines.push(`${event} ${String(fields?.["subject"])}`));
  for (let i = 0; i < 100; i++) many.raise("file-unusable", "it is empty", `f${i}`);
  for (let i = 0; i < 5; i++) many.raise("file-unusable", "it is empty", "f99");
  expect(many.standing).toHaveLength(64);
  expect(many.standing.at(-1)).toMatchObject({ subject: "f99", count: 6 });
  expect(lines).toHaveLength(65);
});
