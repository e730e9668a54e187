/**
 * What is written for IPsec hosts, judged by yanglint with RFC 9061's modules: third-party files, not part of this
 * project, read where they lie.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { type Dialect, RFC_9061 } from "../../shared/ipsec/algorithms.ts";
import { checkSadEntry, checkSpdEntry, faultsText, NO_KEYS } from "../../shared/ipsec/entry.ts";
import { keyBytesOf, keyLayoutOf } from "../../shared/ipsec/key-layout.ts";
import { layKeys } from "../../shared/ipsec/lay-keys.ts";
import type { SadEntry, SpdEntry } from "../../shared/ipsec/model.ts";
import { anySad, anySpd, QUBIP_SAD, QUBIP_SPD } from "../../shared/ipsec/test-entries.ts";
import { tunnelEntries } from "../../shared/ipsec/tunnel-entries.ts";
import { type Change, writeConfig } from "../../shared/ipsec/write-xml.ts";

const MODULES = join(import.meta.dirname, "../../../shared/yang");
const MODULE = join(MODULES, "ietf-i2nsf-ikeless.yang");
const hasYanglint = spawnSync("yanglint", ["--version"]).error === undefined;
const present = hasYanglint && existsSync(MODULE);
if (!present) {
  const lacking = hasYanglint
    ? "RFC 9061's YANG modules are not here"
    : "yanglint is not here (apt-get install libyang2-tools)";
  // oxlint-disable-next-line no-console -- a reader of the run should know
  console.log(`${lacking}: its tests are skipped`);
}

const folder = mkdtempSync(join(tmpdir(), "qkd-yang-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** @returns what yanglint has against it; empty: nothing */
function objections(config: Uint8Array): string {
  const file = join(folder, "config.xml");
  writeFileSync(file, config);
  const { status, stderr } = spawnSync("yanglint", ["-p", MODULES, "-t", "config", MODULE, file], { encoding: "utf8" });
  return status === 0 ? "" : stderr;
}

function keyed(raw: unknown, dialect: Dialect, named: (name: string) => string): Change {
  const checked = checkSadEntry(raw, dialect);
  if (!checked.ok) throw new Error(faultsText(checked.error));
  const entry: SadEntry = { ...checked.value.entry, name: named(checked.value.entry.name) };
  const laidOut = keyLayoutOf(entry, dialect, { dropped: NO_KEYS, policies: [] });
  if (!laidOut.ok) throw new Error(laidOut.error.message);
  const keys = layKeys(laidOut.value.layout, new Uint8Array(keyBytesOf(laidOut.value.layout)).fill(0xab));
  if (!keys.ok) throw new Error(keys.error);
  return { operation: "merge", kind: "sad", entry, keys: keys.value };
}
function policy(raw: unknown, dialect: Dialect, named: (name: string) => string): Change {
  const checked = checkSpdEntry(raw, dialect);
  if (!checked.ok) throw new Error(faultsText(checked.error));
  const entry: SpdEntry = { ...checked.value.entry, name: named(checked.value.entry.name) };
  return { operation: "merge", kind: "spd", entry };
}
const asIs = (name: string) => name;

describe.skipIf(!present)("yanglint finds nothing wrong", () => {
  test("with any entries that are taken", () => {
    const many = fc.tuple(
      fc.array(anySad, { minLength: 30, maxLength: 30 }),
      fc.array(anySpd, { minLength: 30, maxLength: 30 }),
    );
    fc.assert(
      fc.property(many, ([sads, spds]) => {
        // Names are told apart by their numbers.
        const changes = [
          ...sads.map((raw, at) => keyed(raw, RFC_9061, (name) => `${at}:${name}`)),
          ...spds.map((raw, at) => policy(raw, RFC_9061, (name) => `${at}:${name}`)),
        ];
        expect(objections(writeConfig(changes, RFC_9061))).toBe("");
      }),
      { numRuns: 4 },
    );
  });

  test("with QUBIP's example, under a CCIPS agent", () => {
    const agent = { registry: "pfkey", compat: "ccips-agent" } as const;
    const changes = [policy(QUBIP_SPD, agent, asIs), keyed(QUBIP_SAD, agent, asIs)];
    expect(objections(writeConfig(changes, agent))).toBe("");
  });

  test("with a tunnel's entries at both ends", () => {
    const ends = [
      { prefix: "192.168.1.0/24", address: "10.0.0.11" },
      { prefix: "192.168.2.0/24", address: "10.0.0.20" },
    ] as const;
    const lifetimes = { hard: { time: 3600 }, soft: { time: 3000 } };
    const tunnel = tunnelEntries(ends, {
      mode: "tunnel",
      enc: "aes-cbc-256",
      integrity: "hmac-sha2-512-256",
      ...lifetimes,
      reqid: "7",
      spis: [1000, 2000],
      registry: "iana",
    });
    if (!tunnel.ok) throw new Error(tunnel.error);
    for (const { spd, sad } of tunnel.value) {
      const changes = [
        ...spd.map((entry) => policy(entry, RFC_9061, asIs)),
        ...sad.map((entry) => keyed(entry, RFC_9061, asIs)),
      ];
      expect(objections(writeConfig(changes, RFC_9061))).toBe("");
    }
  });

  test("though it would", () => {
    const wrong =
      '<ipsec-ikeless xmlns="urn:ietf:params:xml:ns:yang:ietf-i2nsf-ikeless"><sad><sad-entry><name>a</name></sad-entry></sad></ipsec-ikeless>';
    expect(objections(new TextEncoder().encode(wrong))).toContain("spi");
  });
});
