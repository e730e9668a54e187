import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Certificates, makeCertificates } from "../../test/support/broken-kme-certificates.ts";
import type { FaultName } from "../../test/support/broken-kme-faults.ts";
import { BrokenKme } from "../../test/support/broken-kme.ts";
import { recordedCli } from "../../test/support/recorded-cli.ts";

let folder: string;
let certificates: Certificates;
let kme: BrokenKme | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "qkd-doctor-"));
  certificates = await makeCertificates();
  const { ca, caKey, clients } = certificates;
  mkdirSync(join(folder, "certs"));
  const files = { "ca.crt": ca, "ca.key": caKey };
  for (const [name, { cert, key }] of Object.entries(clients)) {
    Object.assign(files, { [`${name}.crt`]: cert, [`${name}.key`]: key });
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, "certs", name), text);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  await kme?.stop();
  kme = undefined;
});

const doctor = async (...argv: readonly string[]) => await recordedCli(["doctor", ...argv], { env: {}, cwd: folder });
const start = async (fault?: FaultName): Promise<BrokenKme> => (kme = await BrokenKme.start(certificates, fault));
const party = (letter: string, name: string): readonly string[] =>
  `--cert-${letter} certs/${name}.crt --key-${letter} certs/${name}.key`.split(" ");
const named = (at: BrokenKme): readonly string[] => [
  ...`--kme1 ${at.url(1)} --kme2 ${at.url(2)} --ca certs/ca.crt --sync-delay 0 --wait 0`.split(" "),
  ...party("a", "sae-a"),
  ...party("b", "sae-c"),
];

test("two SAEs are enough; what wants more is not run, and says what to give", async () => {
  const { code, out } = await doctor(...named(await start()), "--only", "014-S,014-D");
  expect(code).toBe(0);
  expect(out).toMatch(/^pass 014-D01 M /m);
  expect(out).toMatch(/^skip 014-D08 M .*\n {7}--cert-c and --key-c: a third SAE that the KMEs know$/m);
  expect(out.split("\n").at(-1)).toMatch(/^ETSI GS QKD 014 V1\.1\.1: \d+ passed, 0 failed, 0 with a note, \d+ not run/);
});

test("with all options every case is run; a fault ends in code 3, and is in every report", async () => {
  const broken = await start("gives-keys-twice");
  const reports = ["--junit", "r.xml", "--html", "r.html"];
  const more = [...party("c", "sae-c2"), ...party("d", "sae-a2"), "--kme-d", broken.url(1), "--ca-key", "certs/ca.key"];
  const rest = ["--odd-sae", "sae://odd/ü %41?#..", "--unmet", '{"route":"direct"}', "--drain", "--paused"];
  const { code, out } = await doctor(
    ...named(broken),
    ...more,
    ...rest,
    ...reports,
    "--json",
    "--restart-command",
    "true",
  );
  expect(code).toBe(3);
  const { cases } = JSON.parse(out) as { cases: { id: string; result: string; exchanges: unknown[] }[] };
  const idsThat = (result: string) => cases.filter((each) => each.result === result).map(({ id }) => id);
  expect(idsThat("fail")).toEqual(["014-D07", "014-M03"]);
  expect(idsThat("skip")).toEqual(["014-D18"]);
  const [xml, html] = ["r.xml", "r.html"].map((name) => readFileSync(join(folder, name), "utf8"));
  expect(xml?.match(/<failure /g)).toHaveLength(2);
  expect(html?.match(/<details class="fail"/g)).toHaveLength(2);

  const keys = broken.store.keys();
  expect(keys.length).toBeGreaterThan(1000);
  expect(out).toContain("[32 bytes]");
  for (const report of [out, xml, html]) {
    expect(keys.some((key) => report?.includes(key.toString("base64").slice(0, 10)))).toBe(false);
  }
});

test("beside a running `npm start` nothing has to be said", async () => {
  const { url } = (await start()) && { url: [kme?.url(1), kme?.url(2)] };
  writeFileSync(join(folder, "ports.json"), JSON.stringify({ kme: { "tn-1": url[0], "tn-2": url[1] } }));
  const { code, out } = await doctor("--state", ".", "--only", "014-T,014-S02,014-D08");
  expect(code).toBe(0);
  expect(out.match(/^pass 014-/gm)).toHaveLength(14);
});

test("a certificate of a foreign authority may be given: one that is trusted all the same is let in", async () => {
  const foreign = ["--foreign-cert", "certs/sae-a.crt", "--foreign-key", "certs/sae-a.key"];
  const { code, out } = await doctor(...named(await start()), ...foreign, "--only", "014-T03");
  expect([code, out]).toEqual([3, expect.stringMatching(/^FAIL 014-T03 M .*\n {7}served, with status 200$/m)]);
});

test("a KME that is not there fails every case, with the reason", async () => {
  const gone = await start();
  await gone.stop();
  const { code, out } = await doctor(...named(gone), "--only", "014-S01");
  kme = undefined;
  expect(code).toBe(3);
  expect(out).toContain("ECONNREFUSED");
});

test.each([
  [["--state", "nowhere"], "no KMEs to examine: no ports.json in "],
  [["--kme1", "https://a"], "--kme2 is required"],
  [["--kme1", "http://127.0.0.1", "--kme2", "https://b"], "--kme1 is not an https URL"],
  [["--kme1", "https://a", "--kme2", "https://b"], "--cert-a and --key-a are required"],
  [["--kme1", "https://a", "--kme2", "https://b", "--cert-a", "certs/sae-a.crt"], "--cert-a and --key-a go together"],
  [["--only", "015"], 'no case begins with "015"'],
])("%j is refused: %s", async (argv, message) => {
  const { code, err } = await doctor(...argv);
  expect([code, err]).toEqual([1, expect.stringContaining(message)]);
});
