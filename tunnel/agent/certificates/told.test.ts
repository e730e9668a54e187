import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createAuthority, issue } from "../../../pki/authority.ts";
import { AgentConfigSchema } from "../config/schema.ts";
import type { AgentSettings } from "../config/command-line.ts";
import { certificatesOf } from "./told.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "qkd-told-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("all that the configuration names, as they are now; those that cannot be read are left out", async () => {
  const authority = await createAuthority("an authority of the tests");
  const write = async (name: string, notAfter: string): Promise<string> => {
    const file = join(folder, name);
    const issued = await issue(authority, { commonName: "a", usage: "server", notAfter: new Date(notAfter) });
    writeFileSync(file, issued.certificate);
    return file;
  };
  const config = v.parse(AgentConfigSchema, {
    edge: "https://edge.example",
    site: "site-a",
    certificate: { cert: await write("site.crt", "2099-01-01T00:00:00Z"), key: "k", ca: "c" },
    service: [
      { name: "kme", host: "h", port: 1, https: { cert: await write("kme.crt", "2098-01-01T00:00:00Z"), key: "k" } },
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
  await write("site.crt", "2097-01-01T00:00:00Z");
  expect(told()[0]).toEqual(["certificate", 2097]);
});
