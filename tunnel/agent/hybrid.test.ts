import { expect, test } from "vitest";
import { createAuthority } from "../../pki/authority.ts";
import { answer } from "../../test/support/fake-edge.ts";
import { startPeer } from "../../test/support/hybrid-peers.ts";
import { startHub } from "../../test/support/tunnel-agent.ts";
import type { EdgeRequest } from "../feeds/edge.ts";
import { EdgeReports } from "../services/hybrid/reports.ts";

test("what the engine reports reaches the edge by the token of the agent's own tunnel", async () => {
  const [hub, ca] = [await startHub(), await createAuthority("sites")];
  const reported = Promise.withResolvers<EdgeRequest>();
  // It is asked with the token that came with the owner's last welcome, and with no other.
  hub.rest = (request) => {
    reported.resolve(request);
    return Promise.resolve(answer(200, { taken: 1 }));
  };
  const { engine } = await startPeer(hub, { site: "site-a", peers: ["site-b"], ca });
  const { site, send, log } = engine.parts;
  const reports = new EdgeReports({ site, send, log, nowMs: () => performance.now() });
  const ksid = "11111111-2222-4333-8444-555555555555";
  const pair = { node: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa", peer: "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb" };
  // The tunnel may not be up yet: then it waits.
  reports.tell({ act: "hybrid.not-confirmed", ksid, ...pair, method: "cat-kdf", sources: ["QKD"] });
  const { method, path, body } = await reported.promise;
  expect([method, path]).toEqual(["POST", "/api/v1/sites/site-a/reports"]);
  expect(JSON.parse(Buffer.from(body?.bytes ?? []).toString())).toEqual({
    reports: [
      { act: "hybrid.not-confirmed", ksid, ...pair, count: 1, detail: { method: "cat-kdf", sources: ["QKD"] } },
    ],
    left_out: 0,
  });
  reports.close();
});
