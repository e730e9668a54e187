import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAuthority, issue } from "../../../pki/authority.ts";
import { AgentConfigSchema } from "../config/schema.ts";
import type { AgentSettings } from "../config/command-line.ts";
import { startAgent, startHub } from "../../../test/support/tunnel-agent.ts";
import { certificatesOf } from "./told.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "qkd-told-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** @returns its files */
async function write(name: string, notAfter: string): Promise<{ readonly cert: string; readonly key: string }> {
  const authority = await createAuthority("an authority of the tests");
  const issued = await issue(authority, { commonName: "a", usage: "server", notAfter: new Date(notAfter) });
  const files = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  writeFileSync(files.cert, issued.certificate);
  writeFileSync(files.key, issued.key);
  return files;
}

test("all that the configuration names; those that cannot be read are left out", async () => {
  const config = v.parse(AgentConfigSchema, {
    edge: "https://edge.example",
    site: "site-a",
    certificate: { ...(await write("site", "2099-01-01T00:00:00Z")), ca: "c" },
    service: [
      { name: "kme", host: "h", port: 1, https: await write("kme", "2098-01-01T00:00:00Z") },
      { name: "none", host: "h", port: 1 },
      { name: "lost", host: "h", port: 1, https: { cert: join(folder, "no.crt"), key: "k" } },
    ],
  });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- settings are a configuration and where it came from
  const settings = config as AgentSettings;
  const told = () =>
    certificatesOf(settings).map(({ name, notAfterMs }) => [name, new Date(notAfterMs).getUTCFullYear()]);
  expect(told()).toEqual([
    ["certificate", 2099],
    ["service kme", 2098],
  ]);
});

test("the hub is told of those in use: a file that is replaced counts once the agent starts anew", async () => {
  const hub = await startHub();
  const config = {
    state: folder,
    service: [
      { name: "kme", host: "127.0.0.1", port: 1, allow: ["@edge"], https: await write("kme", "2098-01-01T00:00:00Z") },
    ],
  };
  const first = await startAgent(hub, "site-a", config);
  await first.ready;
  await write("kme", "2099-01-01T00:00:00Z");
  hub.cutAll();
  const years = () =>
    hub.facts.map((each) => each?.certificates.map(({ notAfterMs }) => new Date(notAfterMs).getUTCFullYear()));
  await expect.poll(years).toEqual([[2098], [2098]]);
  await first.stop();
  await startAgent(hub, "site-a", config);
  await expect.poll(years).toEqual([[2098], [2098], [2099]]);
});
