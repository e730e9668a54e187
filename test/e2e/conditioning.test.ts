/** Two key files of a real QKD device on links that condition: in through the documented ways, out over ETSI 014. */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { drainKeys } from "../support/drain-keys.ts";
import { pushedDemo } from "../support/network-document.ts";
import { linkState, qkd } from "../support/operator.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

/** Third-party data, not part of this project: read where it lies, never copied into it. */
const DEVICE_FILES = ["211202_1159_CD6ADBF2.cor", "211202_1201_9961A847.cor"].map((name) =>
  join(import.meta.dirname, "../../../shared/data", name),
);
const present = DEVICE_FILES.every((path) => existsSync(path));
// oxlint-disable-next-line no-console -- a reader of the run should know
if (!present) console.log("the two key files of a QKD device are not here: their tests are skipped");

const FILE_BITS = 204_800 * 8;
/** floor(0.8 * 1,638,400 - 128) of a file in one block, 163,824 bytes; of one in blocks of 64 KiB, each pays the 128. */
const WHOLE_BITS = 1_310_592;
const IN_BLOCKS_BITS = 3 * 419_296 + 52_296;

const CONDITIONED = { health: "condition", conditioning_seed: "c3".repeat(32) } as const;

let network: RunningNetwork;

const putWhole = async (link: string, node: string, path: string, more: string) =>
  await network.fetch(
    `/api/v1/links/${link}/blocks/${encodeURIComponent(basename(path) + more)}?node=${node}`,
    "operator",
    {
      method: "PUT",
      body: Uint8Array.from(readFileSync(path)),
    },
  );

/** Of the keys' bits, how many standard deviations the count of ones strays from half. */
function straying(keys: readonly Buffer[]): number {
  let [bits, ones] = [0, 0];
  for (const key of keys) {
    bits += key.length * 8;
    for (let byte of key) for (; byte !== 0; byte >>= 1) ones += byte & 1;
  }
  return Math.abs(ones - bits / 2) / (Math.sqrt(bits) / 2);
}

describe.skipIf(!present)("two key files of a QKD device, conditioned", () => {
  beforeAll(async () => {
    network = await runNetwork({
      network: pushedDemo({
        "tn-1-tn-2": CONDITIONED,
        "tn-2-tn-3": CONDITIONED,
        "tn-3-tn-4": { ...CONDITIONED, feed: "two-ended" },
      }),
    });
  });
  afterAll(async () => {
    await network.stop();
  });

  test("each as one block: so many bits remain, keys are equal at both ends and as many ones as zeros", async () => {
    for (const path of DEVICE_FILES) {
      const answer = await putWhole("tn-1-tn-2", "tn-1", path, ":0");
      expect([answer.status, await answer.json()]).toMatchObject([
        201,
        { outcome: "ingested", bits: FILE_BITS, condensed_bits: FILE_BITS - WHOLE_BITS, health: { passed: true } },
      ]);
    }
    const condensed = 2 * (FILE_BITS - WHOLE_BITS);
    expect(await linkState(network, "tn-1-tn-2")).toMatchObject({
      conserved: true,
      ledger_bits: { available: 2 * WHOLE_BITS, condensed, quarantined: 0 },
    });
    const keys = await drainKeys(network, { sae: "sae-a", node: "tn-1" }, { sae: "sae-c", node: "tn-2" });
    expect(keys).toHaveLength(Math.floor((2 * WHOLE_BITS) / 256));
    expect(new Set(keys.map((key) => key.toString("hex"))).size).toBe(keys.length);
    expect(straying(keys)).toBeLessThan(5.2);
    // 44 % ones, as the files have, would be hundreds of standard deviations off.
    expect(straying(DEVICE_FILES.map((path) => readFileSync(path)))).toBeGreaterThan(100);
    const raw = Buffer.concat(DEVICE_FILES.map((path) => readFileSync(path)));
    expect(keys.some((key) => raw.includes(key.subarray(0, 12)))).toBe(false);
    expect(await linkState(network, "tn-1-tn-2")).toMatchObject({
      conserved: true,
      ledger_bits: { delivered: keys.length * 256, condensed },
    });
  });

  test("by the command line in blocks of 64 KiB, from one end or from both: two pools make the same keys", async () => {
    const one = await qkd(network, "ingest", "--link", "tn-2-tn-3", "--node", "tn-2", ...DEVICE_FILES);
    expect([one.code, one.out]).toEqual([0, expect.stringContaining("all files: ingested 3,276,800 bits (8 blocks)")]);
    const first = await qkd(network, "ingest", "--link", "tn-3-tn-4", "--node", "tn-3", ...DEVICE_FILES);
    expect([first.code, first.out]).toEqual([0, expect.stringContaining("all files: unmatched 3,276,800 bits")]);
    const twin = await qkd(network, "ingest", "--link", "tn-3-tn-4", "--node", "tn-4", ...DEVICE_FILES);
    expect([twin.code, twin.out]).toEqual([0, expect.stringContaining("all files: ingested 3,276,800 bits")]);
    for (const link of ["tn-2-tn-3", "tn-3-tn-4"]) {
      expect(await linkState(network, link)).toMatchObject({
        conserved: true,
        ledger_bits: { available: 2 * IN_BLOCKS_BITS, condensed: 2 * (FILE_BITS - IN_BLOCKS_BITS), unmatched: 0 },
      });
    }
    const keys = await drainKeys(network, { sae: "sae-c", node: "tn-2" }, { sae: "sae-d", node: "tn-3" });
    const others = await drainKeys(network, { sae: "sae-d", node: "tn-3" }, { sae: "sae-b", node: "tn-4" });
    expect(keys).toHaveLength(Math.floor((2 * IN_BLOCKS_BITS) / 256));
    expect(others.every((key, i) => keys[i]?.equals(key) === true)).toBe(true);
    expect(others).toHaveLength(keys.length);
    expect(straying(keys)).toBeLessThan(5.2);
  });

  test("an end that differs raises an alarm, which the operator sees and clears", async () => {
    const [path = ""] = DEVICE_FILES;
    expect((await putWhole("tn-3-tn-4", "tn-3", path, ".copy:0")).status).toBe(202); // known material
    const bytes = readFileSync(path).map((byte) => byte ^ 1);
    const other = bytes.map((byte, i) => (i === 0 ? byte ^ 2 : byte));
    for (const [node, body] of [
      ["tn-3", bytes],
      ["tn-4", other],
    ] as const) {
      const url = `/api/v1/links/tn-3-tn-4/blocks/differs.cor%3A0?node=${node}`;
      expect((await network.fetch(url, "operator", { method: "PUT", body: Uint8Array.from(body) })).status).toBe(202);
    }
    // The monitor hears of it within a second or so.
    const standing = async () => (await qkd(network, "alarms", "--link", "tn-3-tn-4")).out;
    await expect.poll(standing).toMatch(/tn-3-tn-4 +twin-mismatch +differs\.cor +1 /);
    const wrong = await qkd(network, "alarms", "clear", "twin-mismatch");
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining("--link")]);
    const cleared = await qkd(network, "alarms", "clear", "twin-mismatch", "--link", "tn-3-tn-4");
    expect(cleared).toMatchObject({ code: 0, out: "cleared 1 alarm of tn-3-tn-4\n", err: "" });
    await expect.poll(standing).not.toContain("twin-mismatch");
  });
});
