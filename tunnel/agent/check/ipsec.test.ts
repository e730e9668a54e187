import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Netconfd, netconfdMissing } from "../../../test/support/netconf.ts";
import { serve, temporaryFolder, tokenFile } from "../../../test/support/tunnel-agent.ts";
import type { IpsecConfig } from "../../services/ipsec/config.ts";
import { pinHostKeys } from "../host-keys.ts";
import { lineOf } from "./finding.ts";
import { checkIpsec } from "./ipsec.ts";

const check = async (config: IpsecConfig) => (await checkIpsec(config)).map(lineOf);
const OTHER = `SHA256:${"A".repeat(43)}`;

test("a host that cannot be reached, and a module that cannot", async () => {
  const netconf = {
    host: "127.0.0.1",
    port: await serve((socket) => socket.destroy()),
    user: "u",
    password_file: "/nowhere",
    host_key: OTHER,
    timeout_ms: 1000,
    keep_alive_ms: 0,
  };
  const lines = await check({ node: "tn-1", netconf, hybrid_module: "127.0.0.1:1" });
  expect(lines).toEqual([
    expect.stringMatching(/^FAILED {2}ipsec of tn-1: 127\.0\.0\.1 port \d+: /),
    expect.stringMatching(/^FAILED {2}ipsec of tn-1: hybrid_module 127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/),
  ]);
});

const missing = netconfdMissing();

describe.skipIf(missing !== null)(`a host with netconfd${missing === null ? "" : ` (${missing})`}`, () => {
  let server: Netconfd;
  beforeAll(async () => (server = await Netconfd.start()));
  afterAll(async () => await server.stop());

  const configOf = (more: object = {}): IpsecConfig => ({
    node: "tn-1",
    sae: "sae-a",
    netconf: { ...server.config, ...more },
  });
  const pinnedIn = (file: string) => configOf({ host_key: undefined, host_key_file: file });

  test("that is as configured", async () => {
    const listen = { address: "127.0.0.1", port: 0, allow: [], insecure_lan: false, hosts: [] };
    expect(await check({ ...configOf(), listen })).toEqual([
      `ok      ipsec of tn-1: 127.0.0.1 port ${server.port} can be reached`,
      expect.stringMatching(/^ok {6}ipsec of tn-1: its SSH key is the pinned one, the login is right, NETCONF 1\.\d/),
      "ok      ipsec of tn-1: hybrid keys by [hybrid], for sae-a",
      "ok      ipsec of tn-1: controllers at 127.0.0.1 port 0",
    ]);
  });

  test.each([
    ["with another key", () => ({ host_key: OTHER }), /which is not the pinned key/],
    ["that refuses the login", () => ({ password_file: tokenFile("wrong") }), /refuses the login/],
    ["without a pinned key", () => ({ host_key: undefined, host_key_file: "/nowhere" }), /SHA256:.*none is pinned/],
  ])("%s", async (_, more, words) => {
    expect((await check(configOf(more())))[1]).toMatch(words);
  });

  test("whose key is pinned when somebody says so, and not otherwise", async () => {
    const file = path.join(temporaryFolder(), "etc", "known_hosts");
    const said: string[] = [];
    const pin = async (answer: string | null, config = pinnedIn(file)): Promise<boolean> =>
      await pinHostKeys([config], { print: (line) => said.push(line), ask: () => Promise.resolve(answer) });
    for (const answer of ["no", "", null]) expect(await pin(answer)).toBe(false);
    expect(existsSync(file)).toBe(false);
    expect(await pin("yes\n")).toBe(true);
    expect(readFileSync(file, "utf8")).toMatch(
      new RegExp(`^\\[127\\.0\\.0\\.1\\]:${server.port} ssh-ed25519 \\S+\\n$`),
    );
    expect((await check(pinnedIn(file)))[1]).toMatch(/^ok/);
    // From then on nobody is asked.
    expect(await pin(null)).toBe(true);
    expect(said.at(-1)).toContain("as pinned");
    expect(await pin("yes", configOf({ host_key: OTHER }))).toBe(false);
    expect(said.at(-1)).toContain("not the pinned key");
  });
});
