/** Copies put back in every way that leaves a trace are noticed; starts after stops, crashes and power cuts are not. */
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { StartFailure } from "./failure.ts";
import { StorageIdentity } from "./storage-identity.ts";

interface Place {
  readonly root: string;
  readonly storage: string;
  readonly storageIdentity: string;
}

const POOL = "key-pool/one.sqlite";
const DIRECTORY = "directory/only.sqlite";

/** A storage of two objects, after a first run. */
function newPlace(): Place {
  const root = join(mkdtempSync(join(tmpdir(), "qkd-identity-")), "state-folder");
  onTestFinished(() => rmSync(join(root, ".."), { recursive: true, force: true }));
  const place = { root, storage: join(root, "state"), storageIdentity: join(root, "storage-identity.json") };
  mkdirSync(place.storage, { recursive: true });
  const first = start(place);
  expect(first).toMatchObject({ putBack: null, generation: 1 });
  for (const file of [POOL, DIRECTORY]) {
    mkdirSync(join(place.storage, file, ".."));
    work(place, file);
  }
  first.close();
  return place;
}

const start = (place: Place, restored = false): StorageIdentity => new StorageIdentity(place, restored);
/** What the engine does to a file, as far as it matters here: a write-ahead log comes and goes. */
function work(place: Place, ...files: string[]): void {
  for (const file of files) {
    appendFileSync(join(place.storage, file), "page");
    writeFileSync(join(place.storage, `${file}-wal`), "log");
    writeFileSync(join(place.storage, `${file}-shm`), "index");
  }
}
function stop(place: Place, identity: StorageIdentity): void {
  for (const file of [POOL, DIRECTORY]) rmSync(join(place.storage, `${file}-wal`), { force: true });
  identity.close();
}
const cp = (...args: string[]): void => void execFileSync("cp", args);
const copyOf = (path: string): string => {
  const copy = `${path}.copy`;
  cp("-a", path, copy);
  return copy;
};
const recordOf = ({ storageIdentity }: Place): Record<string, unknown> =>
  JSON.parse(readFileSync(storageIdentity, "utf8")) as Record<string, unknown>;

describe("the same storage", () => {
  it("after a stop, a crash, and with objects that came meanwhile, keeps its generation", () => {
    const place = newPlace();
    const second = start(place);
    work(place, POOL, DIRECTORY);
    stop(place, second);
    start(place); // ends by kill -9
    work(place, POOL, "key-pool/two.sqlite");
    const third = start(place);
    expect(third).toMatchObject({ putBack: null, generation: 1 });
    stop(place, third);
    expect(Object.keys(recordOf(place)["files"] as object).toSorted()).toEqual([
      DIRECTORY,
      POOL,
      "key-pool/two.sqlite",
    ]);
    expect(start(place)).toMatchObject({ putBack: null, generation: 1 });
  });

  it("of a release that kept no identities is taken as it is", () => {
    const place = newPlace();
    rmSync(place.storageIdentity);
    rmSync(join(place.storage, "anchor"));
    expect(start(place)).toMatchObject({ putBack: null, generation: 1 });
  });

  it("is known after a crash between any two steps of renewing its anchor", () => {
    const place = newPlace();
    const anchor = readFileSync(join(place.storage, "anchor"), "utf8");
    // The record tells of the next anchor, which is not there yet, or is.
    const next = { token: "ab".repeat(16), fromMs: Date.now() - 2000, untilMs: Date.now() + 60_000 };
    writeFileSync(place.storageIdentity, JSON.stringify({ ...recordOf(place), next }));
    const before = start(place);
    expect(before.putBack).toBeNull();
    expect(readFileSync(join(place.storage, "anchor"), "utf8")).not.toBe(anchor);
    const told = recordOf(place);
    writeFileSync(place.storageIdentity, JSON.stringify({ ...told, next: { ...next, token: "cd".repeat(16) } }));
    writeFileSync(join(place.storage, "anchor"), JSON.stringify({ generation: 1, token: "cd".repeat(16) }));
    expect(start(place)).toMatchObject({ putBack: null, generation: 1 });
  });

  it("moved as it is, on its own file system, stays the same", () => {
    const place = newPlace();
    const root = `${place.root}.moved`;
    renameSync(place.root, root);
    expect(
      start({ ...place, storage: join(root, "state"), storageIdentity: join(root, "storage-identity.json") }),
    ).toMatchObject({ putBack: null, generation: 1 });
  });
});

const expectNoticed = (place: Place, sign: RegExp): void => {
  const found = start(place);
  expect(found.putBack).toMatch(sign);
  expect(found.generation).toBe(2);
  expect(JSON.parse(readFileSync(join(place.storage, "anchor"), "utf8"))).toMatchObject({ generation: 2 });
  // Once.
  expect(start(place)).toMatchObject({ putBack: null, generation: 2 });
};
const run = (place: Place): void => {
  const identity = start(place);
  work(place, POOL, DIRECTORY);
  stop(place, identity);
};

describe("a copy put back", () => {
  it.each([
    ["in place of the storage", "state", true],
    ["over the storage's own files", "state", false],
    ["in place of the whole state folder", "", true],
    ["over the whole state folder's own files", "", false],
  ])("%s shows", (_, part, replaces) => {
    const place = newPlace();
    const path = join(place.root, part);
    const copy = copyOf(path);
    run(place);
    if (replaces) {
      rmSync(path, { recursive: true });
      renameSync(copy, path);
    } else cp("-a", `${copy}/.`, path);
    expectNoticed(place, /./);
  });

  it("by a tool that leaves alone what looks unchanged shows by the rest", () => {
    const place = newPlace();
    const copy = copyOf(place.storage);
    start(place); // ends by kill -9
    work(place, POOL, DIRECTORY);
    // As `rsync --inplace` does. The anchor was made anew, so it is among what has changed.
    for (const name of readdirSync(copy, { recursive: true, encoding: "utf8" })) {
      const [from, to] = [join(copy, name), join(place.storage, name)];
      const [then, now] = [statSync(from), statSync(to, { throwIfNoEntry: false })];
      if (then.isFile() && (then.size !== now?.size || then.mtimeMs !== now.mtimeMs)) cp("-a", from, to);
    }
    expectNoticed(place, /anchor/);
  });

  it("while it ran shows after a stop and after a crash", () => {
    for (const crash of [false, true]) {
      const place = newPlace();
      const identity = start(place);
      work(place, POOL);
      const copy = copyOf(place.storage);
      work(place, POOL, DIRECTORY);
      if (!crash) stop(place, identity);
      cp("-a", `${copy}/.`, place.storage);
      expectNoticed(place, crash ? /anchor/ : /only\.sqlite|one\.sqlite/);
    }
  });

  it("of one file shows where it is another file than before, was written over, or is gone", () => {
    for (const put of [renameSync, (from: string, to: string) => cp("-a", from, to)]) {
      const place = newPlace();
      const copy = copyOf(join(place.storage, POOL));
      run(place);
      put(copy, join(place.storage, POOL));
      expectNoticed(place, /key-pool\/one\.sqlite is not as it was left/);
    }
    const other = newPlace();
    run(other);
    rmSync(join(other.storage, POOL));
    expectNoticed(other, /key-pool\/one\.sqlite is missing/);
  });

  it("without what it was known by, or said to be one, counts as such", () => {
    const place = newPlace();
    rmSync(place.storageIdentity);
    expectNoticed(place, /storage-identity\.json is missing/);
    expect(start(place, true)).toMatchObject({ generation: 3 });
    writeFileSync(place.storageIdentity, "{");
    expect(() => start(place)).toThrow(StartFailure);
  });

  it("has nothing to void where the storage was emptied", () => {
    const place = newPlace();
    rmSync(place.storage, { recursive: true });
    mkdirSync(place.storage);
    expect(start(place)).toMatchObject({ putBack: null, generation: 1 });
  });
});

it("tells no file from another where the file system has no times of birth, but by the inode", () => {
  const place = newPlace();
  start(place);
  const files = recordOf(place)["files"] as Record<string, { inode: string }>;
  const unknown = Object.fromEntries(
    Object.entries(files).map(([path, { inode }]) => [path, { inode, birthtimeNs: null, ctimeNs: null }]),
  );
  writeFileSync(place.storageIdentity, JSON.stringify({ ...recordOf(place), files: unknown }));
  expect(start(place).putBack).toBeNull();
});
