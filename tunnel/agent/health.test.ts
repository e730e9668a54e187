import { writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { startAgent, temporaryFolder } from "../../test/support/tunnel-agent.ts";
import { healthOf } from "./health.ts";

test("what an agent left that was killed says nothing of one with the same process id", async () => {
  const state = temporaryFolder();
  const left = { pid: process.pid, links: [{ hub: "site-a", role: "owner", up: true }] };
  writeFileSync(path.join(state, "links.json"), JSON.stringify(left));
  expect(healthOf(state)).toEqual({ ok: true, line: "connected: 1 of 1 links" });
  const unreachable = { url: "http://127.0.0.1:1", token: () => "none" };
  const service = [{ name: "device", host: "127.0.0.1", port: 1, allow: ["linked"] }];
  await startAgent(unreachable, "site-a", { state, service });
  expect(healthOf(state)).toEqual({ ok: false, line: "not connected to the hub of site-a" });
});
