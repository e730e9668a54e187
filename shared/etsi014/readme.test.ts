import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const here = fileURLToPath(new URL(".", import.meta.url).href);
const folder = join(here, "../../test/conformance");

/** `014-E16` -> the files and names of its tests, as the code has them. */
const inTests = new Set(
  readdirSync(folder)
    .filter((file) => file.endsWith(".test.ts"))
    .flatMap((file) => {
      const source = readFileSync(join(folder, file), "utf8");
      return [...source.matchAll(/test\(\s*"(?<ids>014-[^"]*?) (?<name>[^",0-9][^"]*)"/g)].flatMap(({ groups }) =>
        (groups?.["ids"] ?? "").split(", ").map((id) => `${id} ${file}`),
      );
    }),
);

test("the table of conformance cases in README.md and the tests agree", () => {
  const readme = readFileSync(join(here, "README.md"), "utf8");
  const rows = [...readme.matchAll(/^\| (?<id>014-\w+) \| [MRX] \| `(?<file>[^`]+)`/gm)];
  const listed = new Set(rows.map(({ groups }) => `${groups?.["id"]} ${groups?.["file"]}`));
  expect([...listed].toSorted()).toEqual([...inTests].toSorted());
  expect(listed.size).toBe(83);
});
