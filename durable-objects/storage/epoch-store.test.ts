import { describe, expect, it } from "vitest";
import { EpochKeys } from "./epoch-keys.ts";
import { epochStoreOf, folderKeys, secretKeys, type Service } from "./epoch-store.ts";

const key = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
const text = (fill: number): string => key(fill).toBase64();

/** A folder as the key keeper serves it, with the requests it saw. */
class FakeFolder implements Service {
  readonly files = new Map<number, string>();
  readonly seen: string[] = [];
  status: number | null = null;

  async fetch(url: string, init?: { readonly method: string }): Promise<Response> {
    const method = init?.method ?? "GET";
    const { pathname } = new URL(url);
    this.seen.push(`${method} ${pathname}`);
    return await Promise.resolve(this.#answer(method, pathname));
  }

  #answer(method: string, path: string): Response {
    if (this.status !== null) return new Response(null, { status: this.status });
    if (path === "/") return Response.json([...this.files.keys()].toReversed());
    const epoch = Number(path.slice(1));
    if (method === "PUT" && !this.files.has(epoch)) this.files.set(epoch, `${text(epoch)}\n`);
    if (method === "DELETE") this.files.delete(epoch);
    if (method !== "GET") return new Response(null, { status: 204 });
    const file = this.files.get(epoch);
    return file === undefined ? new Response(null, { status: 404 }) : new Response(file);
  }
}

describe("a folder of epoch keys", () => {
  it("makes, lists, reads and destroys", async () => {
    const folder = new FakeFolder();
    const keys = folderKeys(folder);
    expect(await keys.numbers()).toEqual([]);
    await keys.make(1);
    await keys.make(2);
    expect(await keys.numbers()).toEqual([1, 2]);
    expect(await keys.read(2)).toEqual(key(2));
    await keys.destroy(1);
    await keys.destroy(1);
    expect(await keys.read(1)).toBeNull();
    expect(await keys.numbers()).toEqual([2]);
    expect(folder.seen.filter((call) => !call.startsWith("GET"))).toEqual([
      "PUT /1",
      "PUT /2",
      "DELETE /1",
      "DELETE /1",
    ]);
  });

  it("that does not answer as it should is not taken for an empty one", async () => {
    const folder = new FakeFolder();
    const keys = folderKeys(folder);
    for (const status of [500, 404]) {
      folder.status = status;
      await expect(keys.make(1)).rejects.toThrow("folder");
      await expect(keys.destroy(1)).rejects.toThrow("folder");
      await expect(keys.numbers()).rejects.toThrow();
    }
    folder.status = 500;
    await expect(keys.read(1)).rejects.toThrow("answers GET with 500");
    folder.status = null;
    folder.files.set(3, "c2hvcnQ=");
    await expect(keys.read(3)).rejects.toThrow("the key of epoch 3 must be base64 of 32 bytes");
  });
});

describe("epoch keys as secrets", () => {
  it("are those with a number", async () => {
    const env = {
      QKD_EPOCH_KEY_10: text(10),
      QKD_EPOCH_KEY_2: text(2),
      QKD_EPOCH_KEY_x: "",
      QKD_EPOCH_KEY_0: "",
      A: 1,
    };
    const keys = secretKeys(env);
    expect(await keys.numbers()).toEqual([2, 10]);
    expect(await keys.read(10)).toEqual(key(10));
    expect(await keys.read(1)).toBeNull();
  });

  it("do not count where there is a folder", async () => {
    expect(epochStoreOf({ EPOCH_KEYS: new FakeFolder() }).kind).toBe("folder");
    expect(epochStoreOf({}).kind).toBe("secrets");
  });
});

describe("wrapping keys", () => {
  const both = secretKeys({ QKD_EPOCH_KEY_1: text(1), QKD_EPOCH_KEY_2: text(2) });

  it("are another for each epoch and each pair, and nowhere the epoch's own", async () => {
    const [a, b] = [new EpochKeys(both, "n1|n2"), new EpochKeys(both, "n2|n3")];
    for (const keys of [a, b]) for (const epoch of [1, 2]) expect(await keys.load(epoch)).toBe(true);
    const all = [a.wrappingKey(1), a.wrappingKey(2), b.wrappingKey(1), b.wrappingKey(2), key(1), key(2)];
    expect(new Set(all.map((each) => each.toHex())).size).toBe(6);
    const again = new EpochKeys(both, "n1|n2");
    await again.load(1);
    expect(again.wrappingKey(1)).toEqual(a.wrappingKey(1));
  });

  it("are wiped when they are left behind", async () => {
    const keys = new EpochKeys(both, "n1|n2");
    await keys.load(1);
    await keys.load(2);
    const old = keys.wrappingKey(1);
    keys.forgetBefore(2);
    expect(old).toEqual(new Uint8Array(32));
    expect([keys.has(1), keys.has(2)]).toEqual([false, true]);
    expect(() => keys.wrappingKey(1)).toThrow("the key of epoch 1 is gone");
  });

  it("are not had from keys that are not there", async () => {
    expect(await new EpochKeys(both, "n1|n2").load(3)).toBe(false);
    expect(await new EpochKeys(both, "n1|n2").newest()).toBe(2);
    expect(await new EpochKeys(secretKeys({}), "n1|n2").newest()).toBe(0);
  });
});
