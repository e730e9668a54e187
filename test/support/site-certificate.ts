/** For tests: a site's certificate in files, as `[certificate]` names them. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { type Authority, issue } from "../../pki/authority.ts";
import { siteUri } from "../../pki/site-name.ts";
import type { AgentConfigInput } from "../../tunnel/agent/config/schema.ts";
import { temporaryFolder } from "./tunnel-agent.ts";

type Names = NonNullable<Parameters<typeof issue>[1]["sans"]>;

export const named = (site: string): Names => [{ type: "url", value: siteUri(site) }];

/** @param trusted whose certificates it takes */
export async function siteCertificate(
  authority: Authority,
  names: Names,
  trusted = authority,
): Promise<NonNullable<AgentConfigInput["certificate"]>> {
  const folder = temporaryFolder();
  const files = { cert: path.join(folder, "crt"), key: path.join(folder, "key"), ca: path.join(folder, "ca") };
  const issued = await issue(authority, { commonName: "agent", usage: "server", sans: names });
  writeFileSync(files.cert, issued.certificate);
  writeFileSync(files.key, issued.key);
  writeFileSync(files.ca, trusted.certificate.toString("pem"));
  return files;
}
