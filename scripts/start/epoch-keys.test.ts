import { randomBytes } from "node:crypto";
import http from "node:http";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EpochFolder } from "./epoch-folder.ts";
import { loadDevSecrets, openEpochKeys } from "./epoch-keys.ts";
import { keepKeys } from "./key-keeper.ts";
import { openStateFolder, type StateFolder } from "./state-folder.ts";

let folder: StateFolder;

beforeEach(() => {
  folder = openStateFolder(mkdtempSync(join(tmpdir(), "qkd-epochs-")));
});
afterEach(() => rmSync(folder.root, { recursive: true, force: true }));

const newKey = (): string => randomBytes(32).toString("base64");
const put = (file: string, content: string): void => {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
};
const files = (): string[] => readdirSync(folder.epochKeys).sort();
const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe("the folder of the epoch keys", () => {
  it("begins with one key, private, and keeps what is there", () => {
    const keys = openEpochKeys(folder, false);
    const first = keys.read(1);
    expect([modeOf(folder.epochKeys), modeOf(join(folder.epochKeys, "epoch-1"))]).toEqual([0o700, 0o600]);
    keys.make(2);
    keys.make(1);
    keys.put(2, newKey());
    const again = openEpochKeys(folder, false);
    expect(again.numbers()).toEqual([1, 2]);
    expect(again.read(1)).toBe(first);
    expect(again.read(2)).not.toBe(first);
    expect(files()).toEqual(["epoch-1", "epoch-2"]);
  });

  it("destroys a key once and for all, and lists numbers in order", () => {
    const keys = openEpochKeys(folder, false);
    for (const epoch of [2, 10]) keys.make(epoch);
    keys.destroy(1);
    keys.destroy(1);
    expect(keys.numbers()).toEqual([2, 10]);
    expect(keys.read(1)).toBeNull();
    expect(openEpochKeys(folder, false).numbers()).toEqual([2, 10]);
  });

  it("passes over what is no key of ours, and removes what a crash left half written", () => {
    openEpochKeys(folder, false);
    for (const name of ["draft.77", "epoch-0", "epoch-x", "README"]) put(join(folder.epochKeys, name), "x");
    expect(openEpochKeys(folder, false).numbers()).toEqual([1]);
    expect(files()).toEqual(["README", "epoch-0", "epoch-1", "epoch-x"]);
  });

  it("takes the keys over from where they were before, for good", () => {
    const [one, seven] = [newKey(), newKey()];
    put(folder.secrets, JSON.stringify({ QKD_EPOCH_KEY_1: one, QKD_EPOCH_KEY_7: seven }));
    put(join(folder.storage, "x"), "");
    const keys = openEpochKeys(folder, false);
    expect([keys.read(1), keys.read(7), keys.numbers()]).toEqual([one, seven, [1, 7]]);
    expect(readdirSync(folder.root)).not.toContain("secrets.json");
    expect(statSync(folder.devSecrets, { throwIfNoEntry: false })).toBeUndefined();
  });

  it("leaves those of npm run dev to it", () => {
    const key = newKey();
    put(folder.secrets, JSON.stringify({ QKD_EPOCH_KEY_1: key }));
    put(join(folder.devStorage, "x"), "");
    openEpochKeys(folder, false);
    const dev = openStateFolder(folder.root, "dev");
    expect(loadDevSecrets(dev)).toEqual({ QKD_EPOCH_KEY_1: key });
    expect(modeOf(dev.devSecrets)).toBe(0o600);
  });

  it("says what is missing or broken instead of making a key that opens nothing", () => {
    put(join(folder.storage, "x"), "");
    expect(() => openEpochKeys(folder, false)).toThrow(
      /there are no epoch keys in \S+epoch-keys, and keys in \S+state cannot/,
    );
    expect(openEpochKeys(folder, true).numbers()).toEqual([]);
    put(join(folder.epochKeys, "epoch-3"), "c2hvcnQ=");
    expect(() => openEpochKeys(folder, false)).toThrow(/epoch-3 is broken/);
    rmSync(join(folder.epochKeys, "epoch-3"));
    put(folder.secrets, JSON.stringify({ QKD_EPOCH_KEY_1: "c2hvcnQ=" }));
    expect(() => openEpochKeys(folder, false)).toThrow(/secrets\.json is broken \(QKD_EPOCH_KEY_1/);
    expect(readFileSync(folder.secrets, "utf8")).toContain("c2hvcnQ=");
  });
});

describe("npm run dev", () => {
  it("has secrets of its own", () => {
    const keys = openEpochKeys(folder, false);
    const dev = openStateFolder(folder.root, "dev");
    const secrets = loadDevSecrets(dev);
    expect(secrets["QKD_EPOCH_KEY_1"]).not.toBe(keys.read(1));
    expect(loadDevSecrets(dev)).toEqual(secrets);
    put(join(dev.storage, "x"), "");
    rmSync(dev.devSecrets);
    expect(() => loadDevSecrets(dev)).toThrow(/there are no epoch keys in \S+dev\/secrets\.json/);
  });
});

describe("the keeper", () => {
  it("answers the engine on its socket, and nothing else", async () => {
    mkdirSync(folder.epochKeys);
    const keys = new EpochFolder(folder.epochKeys);
    const socketPath = join(folder.run, "keys.sock");
    const keeper = await keepKeys(keys, socketPath);
    const ask = async (method: string, path: string): Promise<[number | undefined, string]> =>
      await new Promise((resolve, reject) => {
        http
          .request({ socketPath, method, path, agent: false }, (response) => {
            text(response).then((body) => resolve([response.statusCode, body]), reject);
          })
          .on("error", reject)
          .end();
      });
    try {
      expect(modeOf(socketPath)).toBe(0o600);
      expect(await ask("GET", "/")).toEqual([200, "[]"]);
      expect(await ask("GET", "/1")).toEqual([404, ""]);
      expect(await ask("PUT", "/1")).toEqual([204, ""]);
      expect(await ask("PUT", "/2")).toEqual([204, ""]);
      expect(await ask("GET", "/")).toEqual([200, "[1,2]"]);
      expect(await ask("GET", "/2")).toEqual([200, keys.read(2)]);
      expect(await ask("DELETE", "/1")).toEqual([204, ""]);
      expect(keys.numbers()).toEqual([2]);
      for (const path of ["/0", "/-1", "/1e3", "/../secrets", "/1/2", "/9999999999"]) {
        expect(await ask("PUT", path), path).toEqual([404, ""]);
      }
      expect(await ask("POST", "/1")).toEqual([405, ""]);
      put(join(folder.epochKeys, "epoch-9"), "short");
      expect(await ask("GET", "/9")).toEqual([500, ""]);
    } finally {
      keeper.close();
    }
  });
});
