/** The certificates of an agent's configuration, as the hub is told of them: it says when one is about to end. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { AgentCertificate } from "../../../shared/tunnel/types.ts";
import type { AgentSettings } from "../config/command-line.ts";

/**
 * As the files are now. Called once, when those who use them read them: a file that is replaced counts for nobody before
 * the agent starts anew. One that cannot be read is what those who use it complain of.
 */
export function certificatesOf(settings: AgentSettings): AgentCertificate[] {
  return filesOf(settings).flatMap(([name, file]) => {
    try {
      const { validFrom, validTo } = new X509Certificate(readFileSync(file));
      return [{ name, notBeforeMs: Date.parse(validFrom), notAfterMs: Date.parse(validTo) }];
    } catch {
      return [];
    }
  });
}

/** What the certificate is for -> its file. */
function filesOf({ certificate, service, feed, etsi004, hybrid }: AgentSettings): (readonly [string, string])[] {
  const files: (readonly [string, string | undefined])[] = [
    ["certificate", certificate?.cert],
    ...service.map(({ name, https }) => [`service ${name}`, https?.cert] as const),
    ...feed.map((each) => [`feed of ${each.link}`, "cert" in each ? each.cert : undefined] as const),
    ...etsi004.map((each) => [`etsi004 port ${each.port}`, "tls" in each ? each.tls?.cert : undefined] as const),
    ["hybridization modules", hybrid?.module?.cert],
  ];
  return files.flatMap(([name, file]) => (file === undefined ? [] : [[name, file] as const]));
}
