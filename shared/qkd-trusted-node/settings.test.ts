import { expect, test } from "vitest";
import { validateNetwork } from "../network/validate.ts";
import { isOriginalSettings, readSettings } from "./settings.ts";
import { importedNetwork } from "./settings-parts.ts";

const kme = (own: string, other: string, distance: 0 | 1, port: number, node: string) => ({
  url: `https://localhost:${port}`,
  kme_id: own,
  linked_to: other,
  kme_cert: `certs/${own}.crt`,
  sae_cert: `certs/${node}.crt`,
  sae_key: `certs/${node}.key`,
  distance,
});
const beside = (id: string, port: number, node: string) => ({
  url: `https://localhost:${port}`,
  id,
  cert: `certs/${node}.crt`,
  key: `certs/${node}.key`,
});
const settings = (id: string, more: object) => ({
  id,
  server_cert_file: `certs/${id}.crt`,
  server_key_file: `certs/${id}.key`,
  ca_file: "certs/ca.crt",
  min_key_size: 64,
  max_key_size: 1024,
  default_key_size: 128,
  max_key_count: 50,
  max_keys_per_request: 50,
  attached_kmes: [],
  attached_saes: [],
  attached_trusted_nodes: [],
  ...more,
});
/** tn-1 (sae-a) - tn-2 - tn-3 (sae-b), in the form of the original's examples. */
const FILES = [
  settings("tn-1", {
    attached_kmes: [kme("kme-a2", "kme-b2", 1, 8030, "tn-1"), kme("kme-b2", "kme-a2", 0, 8040, "tn-1")],
    attached_saes: [{ sae_id: "sae-a", sae_cert: "certs/sae-a.crt" }],
    attached_trusted_nodes: [beside("tn-2", 9010, "tn-1")],
  }),
  settings("tn-2", {
    attached_kmes: [kme("kme-a2", "kme-b2", 0, 8030, "tn-2"), kme("kme-b1", "kme-a1", 0, 8020, "tn-2")],
    attached_trusted_nodes: [beside("tn-1", 9000, "tn-2"), beside("tn-3", 9020, "tn-2")],
  }),
  settings("tn-3", {
    attached_kmes: [kme("kme-a1", "kme-b1", 0, 8010, "tn-3")],
    attached_saes: [{ sae_id: "sae-b", sae_cert: "certs/sae-b.crt" }],
    attached_trusted_nodes: [beside("tn-2", 9010, "tn-3")],
  }),
] as const;
const nodesOf = (...files: readonly object[]) => files.map((file) => readSettings(file).node);

test("every key of a file becomes something, or is told to be ignored and why", () => {
  const { mapped, ignored, problems } = readSettings({ ...FILES[0], surprise: 1 });
  expect(problems).toEqual([]);
  const told = [...mapped, ...ignored].map(({ key }) => key);
  const all = Object.entries(FILES[0]).flatMap(([name, value]) =>
    Array.isArray(value)
      ? Object.keys((value as readonly object[])[0] ?? {}).map((member) => `${name}.#.${member}`)
      : [name],
  );
  expect(told.toSorted()).toEqual([...all, "surprise"].toSorted());
  expect(ignored.find(({ key }) => key === "surprise")?.why).toContain("no such key");
  expect(ignored.map(({ why }) => why.length > 20)).not.toContain(false);
});

test("one node becomes hosted; the files of the others tell what is behind its neighbours", () => {
  const { parts, agents, open } = importedNetwork(nodesOf(...FILES), new Set(["tn-1"]));
  expect(parts.nodes).toEqual([{ id: "tn-1" }]);
  expect(parts.links).toEqual([]);
  expect(parts.legacy_nodes).toEqual([
    {
      id: "tn-2",
      node: "tn-1",
      own_id: "tn-1",
      credentials: [{ type: "certificate", match: "cn", value: "tn-2" }],
      service: "tn-2",
      link: { service: "kme-b2", kme_id: "kme-b2", peer_kme_id: "kme-a2" },
      saes: ["sae-b"],
      key_in_clear: false,
    },
  ]);
  expect(agents["tn-1"]?.join("\n")).toContain('name = "kme-b2"\nhost = "localhost"\nport = 8040\nallow = ["@edge"]');
  expect(open).toEqual([expect.stringContaining("key_in_clear")]);
  const operators = [{ id: "op", credentials: [{ type: "token", sha256: "0".repeat(64) }] }];
  expect(validateNetwork({ ...parts, operators }).ok).toBe(true);
});

test("all together they become a network of hosted nodes, fed by their KMEs", () => {
  const { parts, open } = importedNetwork(nodesOf(...FILES), new Set(["tn-1", "tn-2", "tn-3"]));
  expect(parts.links.map(({ nodes }) => nodes)).toEqual([
    ["tn-1", "tn-2"],
    ["tn-2", "tn-3"],
  ]);
  expect(parts.legacy_nodes).toEqual([]);
  expect(parts.policy).toEqual({ key_size_bits: { min: 64, default: 128, max: 1024 }, max_key_per_request: 50 });
  expect(open).toHaveLength(2);
});

test("a node in the middle, alone: which KME leads where its own file does not tell", () => {
  const { parts, open } = importedNetwork(nodesOf(FILES[1]), new Set(["tn-2"]));
  expect(parts.legacy_nodes?.map(({ link }) => link.kme_id)).toEqual(["", ""]);
  expect(open.filter((line) => line.includes("which of tn-2's KMEs"))).toHaveLength(2);
  const more = importedNetwork(nodesOf(FILES[1], FILES[0]), new Set(["tn-2"]));
  expect(more.parts.legacy_nodes?.map(({ link }) => link.kme_id)).toEqual(["kme-a2", "kme-b1"]);
});

test("what is wrong with a file is told, by its keys", () => {
  const [problem, ...more] = readSettings({
    ...FILES[0],
    attached_trusted_nodes: [beside("tn-2", 1, "x"), 7],
  }).problems;
  expect([problem, more]).toEqual(["attached_trusted_nodes.1: is no object", []]);
  expect(readSettings({ attached_kmes: [], attached_saes: [] }).problems).toEqual([
    "id: missing, or none of its values",
    "ca_file: missing, or none of its values",
  ]);
  expect(
    readSettings({ ...FILES[0], attached_kmes: [{ ...kme("a", "b", 0, 1, "c"), url: "http://x", distance: 2 }] })
      .problems,
  ).toEqual([
    "attached_kmes.0.distance: 0 at our end of a link, 1 at the other",
    "attached_kmes.0.url: is no https:// address",
  ]);
  expect(isOriginalSettings({ attached_kmes: {} })).toBe(false);
  expect(importedNetwork(nodesOf(FILES[0], FILES[0]), new Set(["tn-9"])).problems).toHaveLength(2);
});
