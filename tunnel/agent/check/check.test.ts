import { writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { createAuthority, issue } from "../../../pki/authority.ts";
import { serve, startAgent, startHub, temporaryFolder, tokenFile } from "../../../test/support/tunnel-agent.ts";
import { checkConfig } from "../config/load.ts";
import type { AgentConfigInput } from "../config/schema.ts";
import { checkAgent } from "./check.ts";
import { lineOf } from "./finding.ts";

const check = async (config: AgentConfigInput, state = temporaryFolder(), now?: () => number) =>
  (await checkAgent({ ...checkConfig(config), state }, now)).map(lineOf);

test("all is well before the first start: a line each, and the token is not used up", async () => {
  const hub = await startHub();
  const port = await serve(() => undefined);
  const file = tokenFile(hub.token("site-a"));
  const lines = await check({
    edge: `http://localhost:${hub.port}`,
    site: "site-a",
    token_file: file,
    service: [{ name: "kme", host: "127.0.0.1", port, allow: ["site-b"] }],
  });
  expect(lines).toEqual([
    "ok      configuration: 1 services, 0 listeners, 0 feeds",
    expect.stringMatching(/^ok {6}DNS: localhost is .*127\.0\.0\.1/),
    `ok      TCP: localhost port ${hub.port} can be reached`,
    "ok      HTTP: /healthz answers 200",
    expect.stringMatching(/^ok {6}clock: [01] s /),
    `ok      credential: not enrolled yet; the first start uses the token in ${file}`,
    `ok      service kme: 127.0.0.1 port ${port} can be reached`,
  ]);
  expect(hub.enrolled.size).toBe(0);
});

test("beside the running agent, whose place it does not take", async () => {
  const hub = await startHub();
  const service = [{ name: "kme", host: "127.0.0.1", port: 1, allow: ["site-b"] }];
  const { state, ready, lines: log } = await startAgent(hub, "site-a", { service });
  await ready;
  const lines = await check({ edge: hub.url, site: "site-a", service }, state);
  expect(lines).toContain("ok      credential: the hub of site-a knows agent-of-site-a");
  expect(lines.at(-1)).toMatch(/^FAILED {2}service kme: 127\.0\.0\.1 port 1 cannot be reached: .*ECONNREFUSED/);
  expect(log.count("disconnected")).toBe(0);
  hub.enrolled.clear();
  expect((await check({ edge: hub.url, site: "site-a" }, state)).at(-1)).toMatch(
    /^FAILED {2}credential: .*not-enrolled/,
  );
});

test("each step that fails is named, and what depends on it left out", async () => {
  const hub = await startHub();
  const { port } = hub;
  await hub.close();
  const credential = "FAILED  credential: not enrolled yet, and no token file is given";
  expect((await check({ edge: `http://127.0.0.1:${port}`, site: "a" })).slice(1)).toEqual([
    expect.stringMatching(/^FAILED {2}TCP: 127\.0\.0\.1 port \d+ cannot be reached: .*ECONNREFUSED/),
    credential,
  ]);
  expect((await check({ edge: "https://nowhere.invalid", site: "a" })).slice(1)).toEqual([
    expect.stringMatching(/^FAILED {2}DNS: .*nowhere\.invalid/),
    credential,
  ]);
});

test("a certificate of nobody's, and with its authority", async () => {
  const ca = await createAuthority("test");
  const issued = await issue(ca, {
    commonName: "edge",
    usage: "server",
    sans: [{ type: "ip", value: "127.0.0.1" }],
  });
  const hub = await startHub({ tls: { cert: issued.certificate, key: issued.key } });
  const config = { edge: hub.url, site: "site-a", token_file: tokenFile(hub.token("site-a")) };
  expect((await check(config))[2]).toMatch(/^FAILED {2}TLS: /);
  const file = path.join(temporaryFolder(), "ca.crt");
  writeFileSync(file, ca.certificate.toString("pem"));
  const lines = await check({ ...config, ca: file });
  expect(lines[2]).toMatch(/^ok {6}TLS: TLSv1\.3, the certificate is trusted until/);
  expect(lines.some((line) => line.startsWith("FAILED"))).toBe(false);
  const { ready } = await startAgent(hub, "site-a", {
    ca: file,
    service: [{ name: "kme", host: "127.0.0.1", port: 1 }],
  });
  await ready;
  expect(await check({ ...config, ca: `${file}.gone` })).toContainEqual(expect.stringMatching(/^FAILED {2}ca: ENOENT/));
});

test("a clock that is off, a token that others may read, a service for nobody, a certificate that is not there", async () => {
  const hub = await startHub({ skewMs: 600_000 });
  const port = await serve(() => undefined);
  const file = tokenFile(hub.token("site-a"), 0o644);
  const lines = await check({
    edge: hub.url,
    site: "site-a",
    token_file: file,
    certificate: { cert: "/gone/crt", key: "/gone/key", ca: "/gone/ca" },
    service: [{ name: "kme", host: "127.0.0.1", port }],
  });
  expect(lines.slice(3)).toEqual([
    expect.stringMatching(/^FAILED {2}clock: (599|600|601) s behind the edge's: set it/),
    `FAILED  credential: others than its owner may read ${file}: chmod 600`,
    "FAILED  certificate: there is no /gone/crt; the first start writes a request for it",
    `FAILED  service kme: 127.0.0.1 port ${port}: allow is empty, so nobody may open it`,
  ]);
});

test("hybrid keys: who takes part, and the files and the port that they need here", async () => {
  const folder = temporaryFolder();
  const files = { cert: path.join(folder, "crt"), key: path.join(folder, "key"), ca: path.join(folder, "ca") };
  const ca = await createAuthority("modules");
  const issued = await issue(ca, { commonName: "module", usage: "server", sans: [{ type: "ip", value: "127.0.0.1" }] });
  writeFileSync(files.cert, issued.certificate);
  writeFileSync(files.key, issued.key);
  writeFileSync(files.ca, ca.certificate.toString("pem"));
  const seed = path.join(folder, "seed");
  const config: AgentConfigInput = {
    edge: "https://nowhere.invalid",
    site: "site-a",
    hybrid: {
      node: [{ id: "tn-1", uuid: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa" }],
      peer: [
        {
          uuid: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
          module: "127.0.0.1:3001",
          allow_seed_fallback: true,
          shared_seed_file: seed,
        },
      ],
      module: { listen: "127.0.0.1:0", ...files },
    },
  };
  const hybridLines = async () => (await check(config)).filter((line) => line.includes("hybrid"));
  expect(await hybridLines()).toEqual([
    "ok      hybrid: 1 nodes, 1 peers",
    expect.stringMatching(/^FAILED {2}hybrid: shared_seed_file: ENOENT/),
    "ok      hybrid: modules may call at 127.0.0.1:0",
  ]);
  writeFileSync(seed, "seed");
  writeFileSync(files.key, "no key");
  expect(await hybridLines()).toEqual([
    "ok      hybrid: 1 nodes, 1 peers",
    expect.stringMatching(/^FAILED {2}hybrid: \[hybrid\.module\]: /),
  ]);
});
