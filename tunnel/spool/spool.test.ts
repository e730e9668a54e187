import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { smallDisk } from "../../test/support/small-disk.ts";
import { readOrMakeKey } from "./key-file.ts";
import { seal, sealedBytesAtMost, unseal } from "./sealed-block.ts";
import { Spool, type SpoolOptions } from "./spool.ts";

let folder: string;
const open_: Spool[] = [];
const key = randomBytes(32);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "qkd-spool-"));
});
afterEach(async () => {
  for (const spool of open_.splice(0)) await spool.close();
  await rm(folder, { recursive: true, force: true });
});

const bound = { maxBytes: 10_000_000, maxBlocks: 100 };
async function openSpool(more: Partial<SpoolOptions> = {}): Promise<Spool> {
  const spool = await Spool.open({ folder: join(folder, "s"), key, ...bound, ...more });
  open_.push(spool);
  return spool;
}
async function reopened(spool: Spool, more: Partial<SpoolOptions> = {}): Promise<Spool> {
  await spool.close();
  open_.splice(open_.indexOf(spool), 1);
  return await openSpool(more);
}
async function put(spool: Spool, id: string, bytes: Buffer = randomBytes(1000)): Promise<Buffer> {
  const room = await spool.room(bytes.length);
  if (!room.ok) throw new Error(room.error.detail);
  expect(await spool.put(room.value, { id, bytes })).toEqual({ ok: true, value: null });
  return bytes;
}
const ids = (spool: Spool) => [...spool.waiting].map(({ id }) => id);
const oldest = (spool: Spool) => [...spool.waiting][0]!;
const at = (name: string) => join(folder, "s", name);
const files = () =>
  readdirSync(join(folder, "s")).filter((name) => name !== "state.json" && !name.startsWith("held-by-"));

describe("a spool", () => {
  test("gives blocks back as they came, in their order, after a restart too", async () => {
    const spool = await openSpool();
    const blocks = [await put(spool, "a"), await put(spool, "b:65536"), await put(spool, "ü/?")];
    for (const each of [spool, await reopened(spool)]) {
      expect(ids(each)).toEqual(["a", "b:65536", "ü/?"]);
      if (each === spool) continue;
      for (const [index, entry] of [...each.waiting].entries()) {
        expect(Buffer.compare((await each.read(entry))!.bytes, blocks[index]!)).toBe(0);
      }
    }
  });

  test("leaves nothing of a block behind: not its bytes while it waits, nor its file once delivered", async () => {
    const spool = await openSpool();
    const bytes = await put(spool, "a", Buffer.alloc(4096, "key material! "));
    const [file] = files();
    const path = join(folder, "s", file!);
    expect(readFileSync(path).includes(bytes.subarray(0, 16))).toBe(false);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const copy = join(folder, "handle-on-it");
    const handle = await open(path, "r");
    copyFileSync(path, copy);
    await spool.delivered(oldest(spool));
    expect(files()).toEqual([]);
    const after = await handle.readFile();
    await handle.close();
    expect(after.length).toBe(readFileSync(copy).length);
    expect(after.every((byte) => byte === 0)).toBe(true);
    expect(spool.storedBytes).toBe(0);
  });

  test("gives no number twice, not even when it was emptied before a restart", async () => {
    let spool = await openSpool();
    const { instance } = spool;
    const numbers: number[] = [];
    for (let round = 0; round < 4; round++) {
      await put(spool, `a${round}`);
      await put(spool, `b${round}`);
      for (const entry of [...spool.waiting].toReversed()) {
        numbers.push(entry.number);
        await spool.delivered(entry);
      }
      spool = await reopened(spool);
    }
    expect(numbers.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect([spool.instance, spool.nextNumber]).toEqual([instance, 8]);
  });

  test("keeps a block of an id that it has only once", async () => {
    const spool = await openSpool();
    await put(spool, "a");
    await put(spool, "a");
    expect(ids(spool)).toEqual(["a"]);
    expect(files()).toHaveLength(1);
  });

  test("is bounded in blocks and in bytes, rooms included, and tells when that changes", async () => {
    const spool = await openSpool({ maxBlocks: 2, maxBytes: 2 * sealedBytesAtMost(1000, 0) });
    await put(spool, "a");
    const room = await spool.room(1000);
    expect(await spool.room(1)).toMatchObject({ ok: false, error: { why: "full", detail: "2 of 2 blocks" } });
    if (room.ok) await spool.leave(room.value);
    expect(await spool.room(3000)).toMatchObject({ ok: false, error: { why: "full" } });
    const changed = spool.changed(AbortSignal.timeout(60_000));
    await spool.delivered(oldest(spool));
    await changed;
    expect((await spool.room(1000)).ok).toBe(true);
  });

  test("tells whether bytes are those it keeps, waiting or refused", async () => {
    const spool = await openSpool();
    const [a, b] = [await put(spool, "a"), await put(spool, "b")];
    await spool.refuse(oldest(spool));
    const found = [spool.holds("a", a), spool.holds("b", b), spool.holds("a", b), spool.holds("a", a.subarray(1))];
    expect(await Promise.all(found)).toEqual([true, true, false, false]);
    await spool.delivered(oldest(spool));
    expect([await spool.holds("b", b), await spool.holds("c", b)]).toEqual([null, null]);
    // What can no longer be opened may have been anything.
    truncateSync(at("000000000000000.refused"), 30);
    expect(await spool.holds("a", a)).toBe(false);
  });

  test("sets refused blocks aside until the next start", async () => {
    const spool = await openSpool();
    await put(spool, "a");
    await put(spool, "b");
    await spool.refuse(oldest(spool));
    expect([ids(spool), spool.refusedCount, spool.has("a")]).toEqual([["b"], 1, true]);
    const again = await reopened(spool);
    expect([ids(again), again.refusedCount, again.nextNumber]).toEqual([["a", "b"], 0, 2]);
  });

  test("takes no second process, nor another key", async () => {
    const spool = await openSpool();
    await expect(openSpool()).rejects.toThrow("another process uses this spool");
    await put(spool, "a");
    await expect(reopened(spool, { key: randomBytes(32) })).rejects.toThrow("sealed under another key");
    const again = await openSpool();
    expect([ids(again), again.damagedCount]).toEqual([["a"], 0]);
  });
});

describe("after a crash", () => {
  test("what was half written, half wiped or left as room is cleaned up; what was kept is there", async () => {
    const spool = await openSpool();
    await put(spool, "a");
    await put(spool, "b");
    await spool.close();
    open_.pop();
    writeFileSync(at("room-7"), randomBytes(500));
    writeFileSync(at("state.json.new"), '{"inst');
    copyFileSync(at("000000000000001.block"), at("000000000000002.gone"));
    truncateSync(at("000000000000002.gone"), 10);
    const again = await openSpool();
    expect(ids(again)).toEqual(["a", "b"]);
    expect(again.nextNumber).toBe(3);
    expect(files().toSorted()).toEqual(["000000000000000.block", "000000000000001.block"]);
  });

  test("a file that was tampered with, cut short or put in another's place is set apart, not delivered", async () => {
    const spool = await openSpool();
    for (const id of ["a", "b", "c", "d"]) await put(spool, id);
    await spool.close();
    open_.pop();
    const bytes = readFileSync(at("000000000000000.block"));
    bytes[40] = bytes[40]! ^ 1;
    writeFileSync(at("000000000000000.block"), bytes);
    truncateSync(at("000000000000001.block"), 30);
    copyFileSync(at("000000000000003.block"), at("000000000000002.block"));
    const again = await openSpool();
    expect(ids(again)).toEqual(["d"]);
    expect(again.damagedCount).toBe(3);
  });
});

test("a full disk is said before the device is read; with room again, all goes on", async () => {
  const limit = { bytes: 10_000 };
  const spool = await openSpool({ open: smallDisk(limit) });
  await put(spool, "a");
  limit.bytes = 500;
  expect(await spool.room(1000)).toMatchObject({ ok: false, error: { why: "disk", detail: /ENOSPC/ } });
  expect(files()).toHaveLength(1);
  limit.bytes = 100_000;
  await put(spool, "b");
  expect(ids(spool)).toEqual(["a", "b"]);
  // Full between room and put: the caller still has the block, the spool is as it was.
  const room = await spool.room(1000);
  limit.bytes = -1;
  expect(await spool.put(room.ok ? room.value : expect.fail(), { id: "c", bytes: randomBytes(1000) })).toMatchObject({
    ok: false,
    error: { why: "disk" },
  });
  limit.bytes = 100_000;
  await put(spool, "c");
  expect(ids(await reopened(spool))).toEqual(["a", "b", "c"]);
});

test("sealed blocks fit the room made for them, whatever their id and key IDs", () => {
  const keyIds = Array.from({ length: 4096 }, () => crypto.randomUUID() as string);
  for (const [id, ids_] of [
    ["\u0001".repeat(256), []],
    ["\u{1F511}".repeat(128), keyIds],
  ] as const) {
    const block = { id, bytes: randomBytes(70), keyIds: ids_ };
    const sealed = seal(key, "n", block);
    expect(sealed.length).toBeLessThanOrEqual(sealedBytesAtMost(70, ids_.length));
    expect(unseal(key, "n", sealed)).toMatchObject({ id, keyIds: ids_ });
    expect(unseal(key, "m", sealed)).toBeNull();
  }
});

test("the key file is made once, for its owner only, and refused where others may read it", async () => {
  const file = join(folder, "deep", "key");
  const [one, other] = await Promise.all([readOrMakeKey(file), readOrMakeKey(file)]);
  expect(one.length).toBe(32);
  expect(one.equals(other)).toBe(true);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(folder, "deep"))).toEqual(["key"]);
  const open644 = join(folder, "open");
  writeFileSync(open644, randomBytes(32), { mode: 0o644 });
  await expect(readOrMakeKey(open644)).rejects.toThrow("chmod 600");
  const short = join(folder, "short");
  writeFileSync(short, randomBytes(31), { mode: 0o600 });
  await expect(readOrMakeKey(short)).rejects.toThrow("shall have 32 bytes");
  expect(existsSync(open644)).toBe(true);
});
