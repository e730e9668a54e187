/** shared/etsi014/README.md says of the cases of ETSI GS QKD 014 what the code does, and docs/doctor.md how many there are. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CLIENT_CASES } from "../../cli/doctor/client/cases/cases.ts";
import { ETSI014_CASES } from "../../cli/doctor/etsi014/cases.ts";
import { DEC_KEYS } from "../../cli/doctor/etsi014/dec-keys.ts";
import { DEC_OTHERS } from "../../cli/doctor/etsi014/dec-others.ts";
import { DRAINING } from "../../cli/doctor/etsi014/draining.ts";
import { ENC_KEYS } from "../../cli/doctor/etsi014/enc-keys.ts";
import { ENC_REFUSALS } from "../../cli/doctor/etsi014/enc-refusals.ts";
import { MULTICAST } from "../../cli/doctor/etsi014/multicast.ts";
import { STATUS } from "../../cli/doctor/etsi014/status.ts";
import { TRANSPORT } from "../../cli/doctor/etsi014/transport.ts";
import { FAULTS as CLIENT_FAULTS } from "../support/broken-clients.ts";
import { FAULTS } from "../support/broken-kme-faults.ts";

const textOf = (path: string): string => readFileSync(join(import.meta.dirname, "../..", path), "utf8");
const FILES = {
  "transport.ts": TRANSPORT,
  "status.ts": STATUS,
  "enc-keys.ts": ENC_KEYS,
  "draining.ts": DRAINING,
  "enc-refusals.ts": ENC_REFUSALS,
  "dec-keys.ts": DEC_KEYS,
  "dec-others.ts": DEC_OTHERS,
  "multicast.ts": MULTICAST,
} as const;
/** The parts of the list, and how many cases each has. */
const PARTS = { T: 12, S: 9, E: 33, D: 21, M: 8 } as const;

const ids = (letter: keyof typeof PARTS): readonly string[] =>
  Array.from({ length: PARTS[letter] }, (_, index) => `014-${letter}${String(index + 1).padStart(2, "0")}`);
const ALL = (Object.keys(PARTS) as (keyof typeof PARTS)[]).flatMap(ids);

test("every case of the list is there, once", () => {
  expect(ETSI014_CASES.map(({ id }) => id).toSorted()).toEqual(ALL.toSorted());
});

test("the README's table of cases is this", () => {
  const rows = Object.entries(FILES).flatMap(([file, cases]) =>
    cases.map(({ id, level, clause, title }) => `| ${id} | ${level} | ${clause} | \`${file}\` | ${title} |`),
  );
  const ordered = ALL.map((id) => rows.find((row) => row.startsWith(`| ${id} |`)));
  const readme = textOf("shared/etsi014/README.md").split("\n");
  expect(readme.filter((line) => line.startsWith("| 014-"))).toEqual(ordered);
  expect(textOf("docs/doctor.md")).toContain(`The ${ALL.length} cases`);
});

test("the page's table of a client's cases is this", () => {
  const rows = CLIENT_CASES.map(({ id, level, clause, title }) => `| ${id} | ${level} | ${clause} | ${title} |`);
  expect(
    textOf("docs/doctor.md")
      .split("\n")
      .filter((line) => /^\| [TC]0\d \|/.test(line)),
  ).toEqual(rows);
});

/** Cases that no fault of the broken KME makes fail, and why. */
const UNTRIED: Readonly<Record<string, string>> = {
  "014-D02": "every other case of dec_keys by POST would fail, too",
  "014-T05": "with neither TLS 1.2 nor 1.3 there is no connection for any case",
  "014-T08": "it examines the client, not the KME",
  "014-T11": "so would every other case that reads an answer",
};

test("every case of a client is shown to find something", () => {
  const found = Object.values(CLIENT_FAULTS).flatMap(({ fails, notes }) => [...fails, ...notes]);
  expect(CLIENT_CASES.map(({ id }) => id).filter((id) => !found.includes(id))).toEqual([]);
});

test("every case of level M or X is shown to find something", () => {
  const found = new Set(Object.values(FAULTS).flatMap(({ fails }) => [...fails]));
  const never = ETSI014_CASES.filter(({ id, level }) => level !== "R" && !found.has(id)).map(({ id }) => id);
  expect(never.toSorted()).toEqual(Object.keys(UNTRIED).toSorted());
});
