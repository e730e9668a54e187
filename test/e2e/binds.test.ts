/** `npm start -- --edge-bind 0.0.0.0 --kme-bind 0.0.0.0`: as in a container, others on its network reach it. */
import { networkInterfaces } from "node:os";
import { expect, test } from "vitest";
import { httpsRequest } from "../support/front-bench.ts";
import { runNetwork } from "../support/run-network.ts";

const [outside = "127.0.0.2"] = Object.values(networkInterfaces()).flatMap((addresses = []) =>
  addresses.filter(({ family, internal }) => family === "IPv4" && !internal).map(({ address }) => address),
);

test("from another address than loopback, the KME by mutual TLS under its node's name", async () => {
  const network = await runNetwork({ args: ["--edge-bind", "0.0.0.0", "--kme-bind", "0.0.0.0", "--prefill", "0.1"] });
  try {
    expect(network.output()).toMatch(/^note: the edge speaks plain HTTP on 0\.0\.0\.0:\d+: let only loopback/m);
    const health = await fetch(network.edge.replace("127.0.0.1", outside) + "/healthz");
    expect([health.status, await health.json()]).toEqual([200, { status: "ok" }]);
    const kme = new URL(network.kme["tn-1"] ?? "");
    expect(kme.hostname).toBe("127.0.0.1");
    const tls = { ...network.tls("sae-a"), servername: "tn-1" };
    const answer = await httpsRequest(`https://${outside}:${kme.port}/api/v1/keys/sae-c/status`, tls);
    expect([answer.status, JSON.parse(answer.body)]).toEqual([
      200,
      expect.objectContaining({ master_SAE_ID: "sae-a" }),
    ]);
  } finally {
    await network.stop();
  }
});
