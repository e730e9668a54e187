import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { LIMITS } from "../../../shared/limits.ts";
import { temporaryFolder } from "../../../test/support/tunnel-agent.ts";
import { JournalStore } from "./store.ts";

const KEY = randomBytes(32);
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const contentOf = (store: JournalStore) => new Map(store.names().map((name) => [name, Buffer.from(store.read(name)!)]));

/** Reads what lies in the folder, as a start after `kill -9` does. */
function reopened(folder: string): Map<string, Buffer> {
  const store = new JournalStore(folder, KEY);
  const content = contentOf(store);
  store.close();
  return content;
}

test("what was written is there again, and not in clear", () => {
  const folder = temporaryFolder();
  const store = new JournalStore(folder, KEY);
  store.write(
    new Map([
      ["one", bytesOf("a-secret")],
      ["two", bytesOf("b")],
    ]),
  );
  store.write(
    new Map([
      ["one", bytesOf("another-secret")],
      ["two", null],
    ]),
  );
  expect(store.read("one")).toEqual(bytesOf("another-secret"));
  store.close();
  expect(reopened(folder)).toEqual(new Map([["one", Buffer.from("another-secret")]]));
  expect(readFileSync(path.join(folder, "module.journal")).includes("secret")).toBe(false);
});

test("cut off anywhere: each change is there as a whole or not at all, and those before it are", () => {
  const change = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.option(fc.uint8Array({ maxLength: 40 })));
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 5 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (changes, share) => {
        const folder = temporaryFolder();
        const file = path.join(folder, "module.journal");
        const store = new JournalStore(folder, KEY);
        const states = [{ bytes: readFileSync(file).length, content: contentOf(store) }];
        for (const each of changes) {
          store.write(new Map(Object.entries(each)));
          states.push({ bytes: readFileSync(file).length, content: contentOf(store) });
        }
        store.close();
        const [first, last] = [states[0]!, states.at(-1)!];
        const cut = first.bytes + Math.floor(share * (last.bytes - first.bytes));
        truncateSync(file, cut);
        expect(reopened(folder)).toEqual(states.findLast(({ bytes }) => bytes <= cut)!.content);
        // It goes on from there.
        const again = new JournalStore(folder, KEY);
        again.write(new Map([["d", bytesOf("d")]]));
        again.close();
        expect(reopened(folder).get("d")).toEqual(Buffer.from("d"));
      },
    ),
    { numRuns: 50 },
  );
});

test("zeros at its end, as a power cut may leave them, are nothing; damage in its middle is refused", () => {
  const folder = temporaryFolder();
  const file = path.join(folder, "module.journal");
  const store = new JournalStore(folder, KEY);
  for (const name of ["one", "two", "three"]) store.write(new Map([[name, bytesOf(name)]]));
  store.close();
  const good = readFileSync(file);
  appendFileSync(file, Buffer.alloc(500));
  expect(reopened(folder).size).toBe(3);
  for (const at of [0, 10, 30, Math.floor(good.length / 2)]) {
    const bad = Buffer.from(good);
    bad.writeUInt8(bad.readUInt8(at) ^ 1, at);
    writeFileSync(file, bad);
    expect(() => new JournalStore(folder, KEY)).toThrow("is damaged, or of another spool.key");
  }
  writeFileSync(file, good);
  expect(() => new JournalStore(folder, randomBytes(32))).toThrow("is damaged, or of another spool.key");
});

test("no change passes for one of another file, or of another place", () => {
  const [one, other] = [temporaryFolder(), temporaryFolder()];
  const files = [one, other].map((folder) => path.join(folder, "module.journal"));
  const ends = [one, other].map((folder) => {
    const store = new JournalStore(folder, KEY);
    const sizes = ["x", "y", "z"].map((name) => {
      store.write(new Map([[name, bytesOf(name)]]));
      return readFileSync(path.join(folder, "module.journal")).length;
    });
    store.close();
    return sizes;
  });
  const [mine, theirs] = files.map((file) => readFileSync(file)) as [Buffer, Buffer];
  const [first, second] = ends[0] as [number, number, number];
  writeFileSync(files[0]!, Buffer.concat([mine.subarray(0, first), theirs.subarray(first)]));
  expect(() => new JournalStore(one, KEY)).toThrow("is damaged");
  // Its second change left out.
  writeFileSync(files[0]!, Buffer.concat([mine.subarray(0, first), mine.subarray(second), Buffer.alloc(1)]));
  expect(() => new JournalStore(one, KEY)).toThrow("is damaged");
});

test("the file is written anew before it grows for ever", () => {
  const folder = temporaryFolder();
  const store = new JournalStore(folder, KEY);
  const file = path.join(folder, "module.journal");
  store.write(new Map([["kept", bytesOf("kept")]]));
  const bytes = new Uint8Array(512 * 1024).fill(7);
  for (let turn = 0; turn < 20; turn++) {
    store.write(new Map([["large", bytes]]));
    expect(readFileSync(file).length).toBeLessThan(LIMITS.moduleJournalBytes + 4 * bytes.length);
  }
  store.write(new Map([["large", null]]));
  store.close();
  expect(reopened(folder)).toEqual(new Map([["kept", Buffer.from("kept")]]));
  expect(existsSync(`${file}.new`)).toBe(false);
});
