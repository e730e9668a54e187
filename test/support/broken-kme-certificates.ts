/** Certificates of one authority for everybody around `broken-kme.ts`. */
import type { Identity } from "../../cli/doctor/exchange.ts";
import { createAuthority, issue, type LeafRequest } from "../../pki/authority.ts";
import { privateKeyPem } from "../../pki/keys.ts";

const DAY_MS = 24 * 3600 * 1000;
/** SAEs that it knows, one that it does not, and one that has expired. */
const CLIENTS = ["sae-a", "sae-c", "sae-c2", "sae-a2", "nobody", "expired"] as const;
export type ClientName = (typeof CLIENTS)[number];

export interface Certificates {
  /** PEM: the authority, and its key. */
  readonly ca: string;
  readonly caKey: string;
  readonly server: Required<Identity>;
  readonly clients: Readonly<Record<ClientName, Required<Identity>>>;
}

export async function makeCertificates(): Promise<Certificates> {
  const authority = await createAuthority("of the broken");
  const leaf = async (commonName: string, more: Partial<LeafRequest> = {}): Promise<Required<Identity>> => {
    const { certificate, key } = await issue(authority, { commonName, usage: "client", ...more });
    return { cert: certificate, key };
  };
  const notAfter = new Date(Date.now() - DAY_MS);
  const expired = { notBefore: new Date(notAfter.getTime() - DAY_MS), notAfter };
  const clients = CLIENTS.map(async (name) => [
    name,
    name === "expired" ? await leaf("sae-a", expired) : await leaf(name),
  ]);
  return {
    ca: authority.certificate.toString("pem"),
    caKey: await privateKeyPem(authority.keys.privateKey),
    server: await leaf("localhost", { usage: "server", sans: [{ type: "ip", value: "127.0.0.1" }] }),
    clients: Object.fromEntries(await Promise.all(clients)) as Certificates["clients"],
  };
}
