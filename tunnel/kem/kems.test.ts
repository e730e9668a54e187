import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { KemsBusy } from "../../shared/kem/kem.ts";
import { KEMS, type KemName } from "../../shared/kem/registry.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok } from "../../shared/result.ts";
import { type ClosableKems, makeKems } from "./kems.ts";

/** One of each kind; the quick ones are not computed in threads. */
const NAMES: readonly KemName[] = [
  "ML-KEM-768",
  "Kyber512",
  "sntrup761",
  "HQC-128",
  "FrodoKEM-640-AES",
  "Classic-McEliece-348864f",
  "BIKE-L1",
];

describe("mechanisms for the agent", () => {
  let kems: ClosableKems;
  beforeEach(() => {
    kems = makeKems();
  });
  afterEach(async () => await kems.close());

  async function roundTrip(name: KemName): Promise<void> {
    const { publicKey, secretKey } = await kems.generateKeyPair(name);
    const made = await kems.encapsulate(name, publicKey);
    if (!made.ok) throw new Error(made.error);
    const { ciphertext, sharedSecret } = made.value;
    expect(sharedSecret).toHaveLength(KEMS[name].sharedSecretBytes);
    expect(await kems.decapsulate(name, ciphertext, secretKey)).toEqual(ok(sharedSecret));
    // What it was given is the caller's still.
    expect([publicKey.length, ciphertext.length, secretKey.length]).toEqual([
      KEMS[name].publicKeyBytes,
      KEMS[name].ciphertextBytes,
      KEMS[name].secretKeyBytes,
    ]);
    expect(secretKey.some((byte) => byte !== 0)).toBe(true);
  }

  it.each(NAMES)("%s", async (name) => {
    await roundTrip(name);
    expect(await kems.encapsulate(name, new Uint8Array(3))).toEqual(err("bad-public-key"));
    expect(await kems.decapsulate(name, new Uint8Array(3), new Uint8Array(3))).toEqual(err("bad-ciphertext"));
  });

  it("serves many at once", async () => {
    const names = NAMES.filter((name) => name !== "Classic-McEliece-348864f");
    await Promise.all([...names, ...names, ...names].map(roundTrip));
  });

  it("gives no key pair twice", async () => {
    const pairs = [];
    for (let i = 0; i < 6; i++) pairs.push(await kems.generateKeyPair("sntrup761"));
    expect(new Set(pairs.map(({ publicKey }) => Buffer.from(publicKey).toString("hex"))).size).toBe(6);
  });

  it("lets no more wait than may", async () => {
    const asked = Array.from({ length: LIMITS.kemThreads + LIMITS.kemQueue + 5 }, async () => {
      return await kems.encapsulate("sntrup761", new Uint8Array(3));
    });
    const outcomes = await Promise.allSettled(asked);
    const refused = outcomes.filter((outcome) => outcome.status === "rejected");
    expect(refused).toHaveLength(5);
    for (const { reason } of refused) expect(reason).toBeInstanceOf(KemsBusy);
    await roundTrip("sntrup761");
  });

  it("lets no more of the quick ones wait than may", async () => {
    const asked = Array.from({ length: LIMITS.kemQueue + 5 }, async () => await kems.generateKeyPair("ML-KEM-512"));
    const refused = (await Promise.allSettled(asked)).filter((outcome) => outcome.status === "rejected");
    expect(refused).toHaveLength(5);
    for (const { reason } of refused) expect(reason).toBeInstanceOf(KemsBusy);
    await roundTrip("ML-KEM-512");
  });

  it("answers others while key pairs take seconds", async () => {
    const over: string[] = [];
    const long = ["Classic-McEliece-8192128", "Classic-McEliece-6688128", "Classic-McEliece-8192128f"] as const;
    const cutOff = Promise.allSettled(
      long.map(async (name) => {
        await kems.generateKeyPair(name);
        over.push(name);
      }),
    );
    await roundTrip("HQC-128");
    expect(over.length).toBeLessThan(long.length);
    await kems.close();
    await cutOff;
  });

  it("rejects what is under way when it is closed, and what comes then", async () => {
    const names = ["Classic-McEliece-8192128", "Classic-McEliece-8192128", "Kyber512"] as const;
    const outcomes = Promise.allSettled(names.map(async (name) => await kems.generateKeyPair(name)));
    await kems.close();
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    await expect(kems.generateKeyPair("ML-KEM-768")).rejects.toThrow("closed");
    await expect(kems.generateKeyPair("sntrup761")).rejects.toThrow("closed");
    await kems.close();
  });

  it("does not keep a process alive, but for what it waits for", async () => {
    const folder = await mkdtemp(join(tmpdir(), "qkd-kems-"));
    const program = join(folder, "program.mjs");
    await writeFile(
      program,
      `import { makeKems } from ${JSON.stringify(new URL("kems.ts", import.meta.url).href)};
      const { publicKey } = await makeKems().generateKeyPair("sntrup761");
      console.log(publicKey.length);`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, [program]);
    await rm(folder, { recursive: true });
    expect(stdout).toBe("1158\n");
  });
});
