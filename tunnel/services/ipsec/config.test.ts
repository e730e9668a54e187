import { writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { importProxy } from "../../../shared/ipsec/proxy-files.ts";
import { temporaryFolder } from "../../../test/support/tunnel-agent.ts";
import { loadConfig } from "../../agent/config/load.ts";
import { AgentFailure } from "../../agent/failure.ts";

const HEAD = 'edge = "https://edge.example"\nsite = "site-a"\n';

function load(text: string) {
  const folder = temporaryFolder();
  const file = path.join(folder, "agent.toml");
  writeFileSync(file, HEAD + text);
  return { folder, file, config: () => loadConfig(file) };
}

const NODES = { "10.0.0.11/32": { node_id: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", proxy_agent_ip: "10.10.10.201" } };
const proxyAgent = (host: string) => ({
  proxy_agent_address: { host, port: 3000 },
  hybrid_module: { address: { host: "localhost", port: 24_030 }, qkd_required_if_used: true },
  ccips_agent: { address: { host: "10.0.0.11", port: 830 }, credentials: { username: "admin", password: "admin" } },
});

test.each(["127.0.0.1", "10.10.10.201"])(
  "what `qkd import` makes of a proxy agent at %s is a configuration",
  (host) => {
    const { toml } = importProxy(proxyAgent(host), NODES, { node: "tn-1", sae: null });
    const { folder, config } = load(toml.join("\n"));
    expect(config().ipsec).toEqual([
      {
        node: "tn-1",
        hybrid_module: "localhost:24030",
        listen: {
          address: host,
          port: 3000,
          insecure_lan: host !== "127.0.0.1",
          allow: host === "127.0.0.1" ? [] : ["127.0.0.1"],
          hosts: [],
        },
        netconf: expect.objectContaining({
          host: "10.0.0.11",
          port: 830,
          user: "admin",
          password_file: path.join(folder, "netconf.password"),
          host_key_file: path.join(folder, "netconf.known_hosts"),
        }),
      },
    ]);
  },
);

test("faults have their lines and fields", () => {
  const { file, config } = load(`[[ipsec]]
node = "tn-1"
hybrid_module = "here"
[ipsec.netconf]
host = "h"
user = "u"
key_file = "k"
host_key = "MD5:00"
[ipsec.listen]
address = "0.0.0.0"
colour = "red"
`);
  let message = "none";
  try {
    config();
  } catch (thrown) {
    if (!(thrown instanceof AgentFailure)) throw thrown;
    ({ message } = thrown);
  }
  expect(message.split("\n").toSorted()).toEqual(
    [
      `${file}:5: ipsec.0.hybrid_module: shall be an address and a port, as in 127.0.0.1:7000`,
      `${file}:10: ipsec.0.netconf.host_key: shall be SHA256:... or a line of known_hosts`,
      `${file}:13: ipsec.0.listen.colour: no such field`,
    ].toSorted(),
  );
});
