import { describe, expect, it } from "vitest";
import type { KemName } from "./registry.ts";
import { ok } from "../result.ts";
import { Instances } from "./instances.ts";
import type { OpenKem } from "./kem.ts";

function bench(most: number) {
  const events: string[] = [];
  const instances = new Instances(most, async (name): Promise<OpenKem> => {
    events.push(`open ${name}`);
    await Promise.resolve();
    return {
      name,
      generateKeyPair: () => ({ publicKey: new Uint8Array(1), secretKey: new Uint8Array(1) }),
      encapsulate: () => ok({ ciphertext: new Uint8Array(1), sharedSecret: new Uint8Array(1) }),
      decapsulate: () => ok(new Uint8Array(1)),
      close: () => events.push(`close ${name}`),
    };
  });
  const use = async (name: KemName): Promise<string> => await instances.use(name, (kem) => kem.name);
  return { instances, events, use };
}

/** Instances are ended in the turns that follow. */
const settled = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

describe("instances of a thread", () => {
  it("opens each once, and ends the one that has not been used for longest", async () => {
    const { events, use } = bench(2);
    expect(await Promise.all([use("Kyber512"), use("Kyber512")])).toEqual(["Kyber512", "Kyber512"]);
    await use("Kyber768");
    await use("Kyber512");
    await use("Kyber1024");
    await use("Kyber512");
    await settled();
    expect(events).toEqual(["open Kyber512", "open Kyber768", "open Kyber1024", "close Kyber768"]);
  });

  it("never uses one that has been ended, however many are wanted at once", async () => {
    const { events, use } = bench(1);
    const names: readonly KemName[] = ["Kyber512", "Kyber768", "Kyber512", "Kyber1024"];
    expect(await Promise.all(names.map(use))).toEqual(names);
    await settled();
    const last = events.findLastIndex((event) => event.startsWith("open"));
    expect(events.slice(last + 1)).toHaveLength(2);
    expect(events.filter((event) => event.startsWith("open"))).toHaveLength(3);
  });

  it("gives up one that broke, and opens it anew", async () => {
    const { instances, events, use } = bench(2);
    const broken = instances.use("sntrup761", () => {
      throw new Error("aborted");
    });
    await expect(broken).rejects.toThrow("aborted");
    await settled();
    await use("sntrup761");
    expect(events).toEqual(["open sntrup761", "close sntrup761", "open sntrup761"]);
  });

  it("lets nobody else into one that broke, not even those who waited for it", async () => {
    const { instances, events, use } = bench(2);
    const broken = instances.use("sntrup761", () => {
      throw new Error("aborted");
    });
    const waiting = use("sntrup761");
    await expect(broken).rejects.toThrow("aborted");
    expect(await waiting).toBe("sntrup761");
    await settled();
    expect(events).toEqual(["open sntrup761", "open sntrup761", "close sntrup761"]);
  });

  it("tries again to open what could not be opened", async () => {
    let tries = 0;
    const instances = new Instances(1, async () => await Promise.reject(new Error(`no ${++tries}`)));
    await expect(instances.use("Kyber512", () => 0)).rejects.toThrow("no 1");
    await expect(instances.use("Kyber512", () => 0)).rejects.toThrow("no 2");
  });

  it("ends all", async () => {
    const { instances, events, use } = bench(2);
    await use("Kyber512");
    await use("Kyber768");
    instances.close();
    await settled();
    expect(events.slice(2)).toEqual(["close Kyber512", "close Kyber768"]);
  });
});
