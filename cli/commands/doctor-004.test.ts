/** `qkd doctor 004` as it is called: against key managers over real TCP, and with options that cannot be meant. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { createAuthority, issue } from "../../pki/authority.ts";
import { Broken004 } from "../../test/support/broken-004.ts";
import { startBroken004 } from "../../test/support/broken-004-wires.ts";
import { recordedCli } from "../../test/support/recorded-cli.ts";
import type { Findings } from "../doctor/case.ts";
import { EXIT } from "../lib/failure.ts";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "qkd-doctor-"));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

const run = async (cwd: string, ...argv: readonly string[]) =>
  await recordedCli(["doctor", "004", ...argv], { env: {}, cwd });

/** Options that name two key managers with, or without, a fault. */
async function optionsFor(engine: Broken004): Promise<readonly string[]> {
  const { a, b, others } = await startBroken004("json-tcp", engine);
  const ends = Object.entries({ a, b, c: others?.c ?? a, d: others?.d ?? b });
  const named = ends.flatMap(([end, { access, sae }]) => [`--${end}`, access.at, `--sae-${end}`, sae]);
  return ["--binding", "json-tcp", ...named];
}

interface Report extends Findings {
  readonly cases: Findings["outcomes"];
}

test("right key managers: what is not run says what to give, and the exit code is 0", async () => {
  const cwd = folder();
  const { code, out } = await run(cwd, ...(await optionsFor(new Broken004(null))), "--html", "report.html");
  expect(code, out).toBe(EXIT.ok);
  expect(out).toContain("pass J-10 M  several requests on a connection");
  expect(out).toMatch(/^skip 004-16 M .*\n +an empty pool: give --drain-command, and --restore-command$/m);
  expect(out).toMatch(/^skip 004-13 M .*\n +json-tcp has no way to: the answer of GET_KEY has no metadata$/m);
  expect(out).toMatch(/^ETSI GS QKD 004 V2\.1\.1, json-tcp: \d+ passed, 0 failed, 0 with a note, /m);
  expect(readFileSync(join(cwd, "report.html"), "utf8")).toContain("<!doctype html>");
});

test("a fault: the case that finds it fails, in every report, with exit code 3", async () => {
  const cwd = folder();
  const engine = new Broken004("gives-b-other-bytes");
  const { code, out } = await run(
    cwd,
    ...(await optionsFor(engine)),
    "--only",
    "004-0,J-09",
    "--json",
    "--junit",
    "j.xml",
  );
  const { cases } = JSON.parse(out) as Report;
  expect([code, cases.filter(({ result }) => result === "fail").map(({ id }) => id)]).toEqual([EXIT.found, ["004-03"]]);
  const [failed] = cases.filter(({ id }) => id === "004-03");
  expect(failed?.why).toEqual(["the two ends have different bytes of one chunk"]);
  expect(failed?.exchanges.at(-1)?.received).toContain("[48 bytes]");
  expect(readFileSync(join(cwd, "j.xml"), "utf8")).toMatch(/<failure message="the two ends have different bytes/);
});

const did = (what: string): string => `echo ${what} >> done`;

test("commands of the user's empty the pool, and fill it again", async () => {
  const cwd = folder();
  const engine = new Broken004(null);
  const commands = [
    "--drain-command",
    did("drained"),
    "--cut-command",
    did("cut"),
    "--restore-command",
    did("restored"),
  ];
  const { code, out } = await run(cwd, ...(await optionsFor(engine)), "--only", "004-16,004-23", ...commands);
  // They did nothing to these key managers: there is key, and a link.
  expect([code, out]).toEqual([EXIT.found, expect.stringMatching(/^FAIL 004-16 [^]*^FAIL 004-23 /m)]);
  expect(readFileSync(join(cwd, "done"), "utf8").split("\n")).toEqual(["drained", "restored", "cut", "restored", ""]);
});

test("over mutual TLS, with files of PEM", async () => {
  const cwd = folder();
  const authority = await createAuthority("of the key managers");
  const ca = authority.certificate.toString("pem");
  const server = await issue(authority, {
    commonName: "kms",
    usage: "server",
    sans: [{ type: "ip", value: "127.0.0.1" }],
  });
  const client = await issue(authority, { commonName: "ann", usage: "client" });
  for (const [name, text] of Object.entries({ "ca.pem": ca, "own.pem": client.certificate, "own.key": client.key })) {
    writeFileSync(join(cwd, name), text);
  }
  const { a, b } = await startBroken004("binary", new Broken004(null));
  const secured = { ca, cert: server.certificate, key: server.key, requestCert: true, rejectUnauthorized: true };
  const ends: string[] = [];
  for (const [end, { access, sae }] of Object.entries({ a, b })) {
    const port = await inFrontOf(Number(access.at.split(":")[1]), secured);
    ends.push(`--${end}`, `tls://127.0.0.1:${port}`, `--sae-${end}`, sae);
  }
  const only = ["--binding", "binary", "--only", "B-02", "--ca", "ca.pem", ...ends];
  const own = ["--cert-a", "own.pem", "--key-a", "own.key", "--cert-b", "own.pem", "--key-b", "own.key"];
  expect((await run(cwd, ...only, ...own)).code).toBe(EXIT.ok);
  expect((await run(cwd, ...only)).code).toBe(EXIT.found);
});

async function inFrontOf(port: number, options: tls.TlsOptions): Promise<number> {
  const server = tls.createServer(options, (socket) => {
    const inside = net.connect(port, "127.0.0.1");
    for (const each of [socket, inside]) each.on("error", () => each.destroy());
    socket.pipe(inside).pipe(socket);
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test("nobody there: every case says so", async () => {
  const ends = ["--a", "127.0.0.1:1", "--b", "127.0.0.1:1", "--sae-a", "x", "--sae-b", "y"];
  const { code, out } = await run(folder(), "--binding", "binary", ...ends, "--only", "B-0");
  expect(code).toBe(EXIT.found);
  expect(out).toMatch(/^FAIL B-01 M .*\n +connect ECONNREFUSED/m);
});

const ENDS = ["--a", "http://127.0.0.1:1", "--b", "http://127.0.0.1:1", "--sae-a", "x", "--sae-b", "y"];
test.each([
  [[], "nothing to examine: no ports.json and tokens.json in"],
  [["--a", "127.0.0.1:1"], "--binding is required with --a"],
  [["--binding", "jsontcp"], 'there is no binding "jsontcp"'],
  [["--binding", "json-tcp", "--a", "127.0.0.1:1"], "--sae-a is required"],
  [["--binding", "native", "--a", "127.0.0.1:1", "--sae-a", "x"], "--a is not an http or https URL"],
  [["--binding", "binary", "--sae-a", "x", "--a", "tls://kms:65536"], "--a is not host:port or tls://host:port"],
  [["--binding", "json-tcp", ...ENDS], "--a is not host:port or tls://host:port with a port from 1 to 65535"],
  [["--binding", "native", ...ENDS, "--c", "http://127.0.0.1:1"], "--c and --d go together"],
  [["--binding", "native", ...ENDS, "--cert-a", "own.pem"], "--cert-a and --key-a go together"],
  [["--binding", "native", ...ENDS, "--qos", "Speed=1"], '--qos: no member "Speed"'],
  [["--binding", "native", ...ENDS, "--qos", "TTL=soon"], "--qos TTL must be a whole number from 0 to 4294967295"],
  [["--binding", "native", ...ENDS, "--cut-command", "true"], "--cut-command needs --restore-command"],
  [["--binding", "native", ...ENDS, "--only", "B-01"], 'no case begins with "B-01"'],
])("%j: %s", async (argv, words) => {
  const cwd = folder();
  writeFileSync(join(cwd, "own.pem"), "");
  const { code, err } = await run(cwd, ...argv);
  expect([code, err]).toEqual([EXIT.error, expect.stringContaining(words)]);
});

test("a token goes over TLS, or to this machine", async () => {
  const cwd = folder();
  writeFileSync(join(cwd, "token"), "a-token-of-sixteen-or-more");
  const far = ["--a", "http://kms.example", "--b", "http://kms.example", "--sae-a", "x", "--sae-b", "y"];
  const { code, err } = await run(cwd, "--binding", "native", ...far, "--token-file-a", "token");
  expect([code, err]).toEqual([EXIT.error, expect.stringContaining("would carry the token in clear text")]);
});
