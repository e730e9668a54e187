/** What the fake KME can show of itself, right and wrong, and what the client shows: of one authority, for a day. */
import { isIP } from "node:net";
import type { Authority, LeafRequest } from "../../../pki/authority.ts";
import type { Identity } from "../exchange.ts";

const DAY_MS = 24 * 3600 * 1000;
const OTHER_NAME = "another-kme.invalid";

/** As whom the fake KME shows itself. */
export const SERVERS = ["right", "of another CA", "for another name", "expired"] as const;
export type ServerName = (typeof SERVERS)[number];

export interface Certificates {
  /** PEM: what the client shall trust. */
  readonly ca: string;
  readonly client: Required<Identity>;
  readonly servers: Readonly<Record<ServerName, Required<Identity>>>;
}

/** PEM of an authority that the client trusts already. */
export interface GivenAuthority {
  readonly ca: string;
  readonly key: string;
}

/** @param host in the URL of the fake KME. @throws Error where the authority's key is not its own */
export async function certificatesFor(host: string, sae: string, given?: GivenAuthority): Promise<Certificates> {
  // Loaded only here: what issues certificates is large.
  const { createAuthority, issue, loadAuthority } = await import("../../../pki/authority.ts");
  const authority =
    given === undefined ? await createAuthority("of a doctor's trial") : await loadAuthority(given.ca, given.key);
  const leaf = async (by: Authority, request: LeafRequest): Promise<Required<Identity>> => {
    const { certificate, key } = await issue(by, { notAfter: new Date(Date.now() + DAY_MS), ...request });
    return { cert: certificate, key };
  };
  const server = async (by: Authority, name: string, more: Partial<LeafRequest> = {}) =>
    await leaf(by, {
      commonName: name,
      usage: "server",
      sans: [{ type: isIP(name) === 0 ? "dns" : "ip", value: name }],
      ...more,
    });
  const past = new Date(Date.now() - DAY_MS);
  return {
    ca: given?.ca ?? authority.certificate.toString("pem"),
    client: await leaf(authority, { commonName: sae, usage: "client" }),
    servers: {
      right: await server(authority, host),
      "of another CA": await server(await createAuthority("an authority nobody trusts"), host),
      "for another name": await server(authority, OTHER_NAME),
      expired: await server(authority, host, { notBefore: new Date(past.getTime() - DAY_MS), notAfter: past }),
    },
  };
}
