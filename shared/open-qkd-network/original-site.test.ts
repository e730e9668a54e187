import * as v from "valibot";
import { expect, test } from "vitest";
import { NetworkDocumentSchema } from "../network/document.ts";
import { originalObject, originalText, type SiteFile } from "./original-files.ts";
import { importSite } from "./original-site.ts";

/** As Open-QKD-Network/qkd-net and its documentation have them. */
const KMS_CONF = `http://localhost:9992/uaa/oauth/token
http://localhost:8095/api/newkey
http://localhost:8095/api/getkey
C
false
`;
const PROPERTIES = `// of the KMS
kms.site.id=C
kms.keys.blocksize=1024
kms.keys.bytesize=32
kms.keys.dir=\${HOME}/.qkd/kms/pools/
kms.remote.subnet.siteid.prop.location=\${HOME}/.qkd/kms/subnet_siteid.json
qnl.ip=localhost
qnl.port=9292
`;
const ROUTES = { adjacent: { B: "192.168.1.76:9292", D: "ip:port" }, nonAdjacent: { A: "B" } };
const CONFIG = {
  base: ".qkd/qnl",
  routeConfigLoc: "routes.json",
  siteId: "C",
  port: 9292,
  OTPConfig: { keyBlockSz: 1024, keyLoc: "otp/keys" },
  other: true,
};
const SUBNETS = { remote_subnet_siteid: { "192.72.192.0/26": "C" } };

const textFile = (text: string): SiteFile => originalText(text) ?? expect.unreachable();
const objectFile = (parsed: unknown): SiteFile => originalObject(parsed) ?? expect.unreachable();
const ALL = [textFile(KMS_CONF), textFile(PROPERTIES), ...[ROUTES, CONFIG, SUBNETS].map(objectFile)];
const imported = (files: readonly SiteFile[], nodes: Readonly<Record<string, string>> = {}) =>
  importSite(files, new Map(Object.entries(nodes)));

test("which file it is shows in what it holds", () => {
  expect(ALL.map(({ kind }) => kind)).toEqual([
    "kms.conf",
    "site.properties",
    "routes.json",
    "config.yaml",
    "subnet_siteid.json",
  ]);
  expect([
    originalText("a=b\n"),
    originalText("http://a/\nhttp://b/\n"),
    originalObject([]),
    originalObject("C"),
  ]).toEqual([null, null, null, null]);
  expect(objectFile({ port: 9393, keyByteSz: 32, keyBlockSz: 4, poolLoc: "kms/pools" }).kind).toBe("config.yaml");
});

test("a site, its neighbours, and the ports of its agent", () => {
  const { parts, toml, open, problems } = imported(ALL, { C: "tn-3", B: "tn-2" });
  expect(problems).toEqual([]);
  expect(parts.nodes).toEqual([
    { id: "tn-3", kms_site_id: "C", kms_sae: "kms-tn-3" },
    { id: "tn-2", kms_site_id: "B", kms_sae: "kms-tn-2" },
    { id: "d", kms_site_id: "D", kms_sae: "kms-d" },
  ]);
  expect(parts.links.map(({ id, nodes }) => [id, nodes])).toEqual([
    ["tn-2-tn-3", ["tn-2", "tn-3"]],
    ["d-tn-3", ["d", "tn-3"]],
  ]);
  expect(toml).toEqual(["[[open_qkd_network]]", 'node = "tn-3"', "token_port = 9992", "api_port = 8095"]);
  expect(open.join("\n")).toMatch(
    /kms_users, with node = tn-3[^]*asks for no token[^]*link tn-2-tn-3: the site agents/,
  );
  expect(imported(ALL, { C: "tn-3", Z: "tn-9" }).open.at(-1)).toMatch(/^--nodes Z=tn-9 is not used/);
  const document = { name: "imported", operators: [], agents: [], ...parts };
  const parsed = v.safeParse(NetworkDocumentSchema, document);
  expect(parsed.issues?.map(({ message }) => message) ?? []).toEqual([]);
});

test("every key becomes something, or it is told why not", () => {
  const { mapped, ignored } = imported(ALL);
  const count = ALL.reduce((sum, { entries }) => sum + entries.length, 0);
  expect(mapped.length + ignored.length).toBe(count);
  const told = Object.fromEntries([
    ...mapped.map(({ key, becomes }) => [key, becomes] as const),
    ...ignored.map(({ key, why }) => [key, why] as const),
  ]);
  expect(told["kms.conf: line 2"]).toContain("api_port = 8095");
  expect(told["site.properties: kms.keys.blocksize"]).toContain("a block is one key");
  expect(told["routes.json: nonAdjacent.A"]).toContain("by themselves");
  expect(told["config.yaml: other"]).toBe("Open-QKD-Network knows no such key");
});

test("a KMS that listens to other machines", () => {
  const conf = textFile(KMS_CONF.replaceAll("localhost", "192.168.1.47").replace("false", "true"));
  const { toml, open } = imported([conf]);
  expect(toml).toEqual([
    "[[open_qkd_network]]",
    'node = "c"',
    'address = "192.168.1.47"',
    "insecure_lan = true",
    "token_port = 9992",
    "api_port = 8095",
  ]);
  expect(open.join("\n")).toContain("allow: which machines");
  expect(open.join("\n")).not.toContain("asks for no token");
});

test.each([
  [[objectFile(ROUTES)], "no file tells which site this is"],
  [[textFile(KMS_CONF), textFile(PROPERTIES.replace("=C", "=A"))], "files of two sites: C (kms.conf: line 4), A"],
  [[textFile(KMS_CONF.replace("/api/getkey", "/getkey"))], 'kms.conf: line 3: "http://localhost:8095/getkey" is none'],
  [[textFile(KMS_CONF.replace("8095/api/getkey", "8096/api/getkey"))], "kms.conf: line 3"],
  [[textFile(KMS_CONF.replace("http://localhost:9992", "https://localhost"))], "kms.conf: line 1"],
  [[textFile(PROPERTIES.replace("bytesize=32", "bytesize=16"))], 'kms.keys.bytesize: "16" is none'],
  [[textFile(PROPERTIES.replace("=C", "=C/1"))], "no node can be called c/1: --nodes C/1=NODE"],
  [[textFile(PROPERTIES.replace("=C", "=b")), objectFile(ROUTES)], "two sites would be the same node"],
] as const)("what does not go together is told (%#)", (files, words) => {
  expect(imported(files).problems.join("; ")).toContain(words);
});
