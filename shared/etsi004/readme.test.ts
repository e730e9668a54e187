/** The page's table of profiles says what the code does. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Profile, PROFILES } from "./profiles.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/etsi004/README.md"), "utf8");
const ROWS = new Map(
  [...PAGE.matchAll(/^\| `([a-z0-9.-]+)` \| (.*) \|$/gm)].map(([, name = "", cells = ""]) => [
    name,
    cells.split(" | "),
  ]),
);

const cellsOf = (profile: Profile): readonly string[] => [
  { all: "all", "chunk-and-timeout": "chunk and timeout" }[profile.honours],
  { fail: "status 6", default: "the default" }[profile.timeoutZero],
  { refuse: "nothing is open", open: "open with what" }[profile.qosNotMet],
  { "in-use": "status 5", "same-stream": "the same stream" }[profile.reopen],
  profile.closedMayFetch ? "chunks made before" : "refused",
  String(profile.unknownKsid),
];

test("docs/etsi004/README.md has a row for each profile, and no other", () => {
  expect([...ROWS.keys()].toSorted()).toEqual(Object.keys(PROFILES).toSorted());
});

test.each(Object.entries(PROFILES))("%s", (name, profile) => {
  const cells = ROWS.get(name) ?? [];
  for (const [i, cell] of cellsOf(profile).entries()) expect(cells[i]).toContain(cell);
});
