/**
 * A site agent's word for the SAE behind it, as it stands in a request's headers. Whether it counts is decided in
 * authenticate.ts.
 */
import { inDate } from "../../shared/auth/certificate-time.ts";
import { percentDecoded } from "../../shared/bytes/percent.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { type ClientCertificate, parseClientCert } from "./client-certificate.ts";
import type { Incoming } from "./incoming.ts";

/** Who is said to be behind it, at which node: who showed this certificate, or an SAE whose application has none to show. */
export type Assertion = { readonly node: string } & (
  | { readonly certificate: ClientCertificate }
  | { readonly sae: string }
);

/** @returns null where there is none; the error says why it is unusable, for the log */
export function readAssertion(headers: Incoming["headers"], nowMs: number): Result<Assertion | null, string> {
  const clientCert = headers.get("Client-Cert");
  const sae = headers.get("QKD-SAE");
  const node = headers.get("QKD-Node");
  if (clientCert === null && sae === null && node === null) return ok(null);
  if (node === null) return err("Client-Cert and QKD-SAE each go with QKD-Node");
  if (clientCert !== null && sae !== null) return err("Client-Cert and QKD-SAE exclude each other");
  if (sae !== null) {
    const id = percentDecoded(sae);
    return id === null ? err("QKD-SAE is not percent-encoded UTF-8") : ok({ sae: id, node });
  }
  if (clientCert === null) return err("QKD-Node goes with Client-Cert or QKD-SAE");
  const certificate = parseClientCert(clientCert.trim());
  if (!certificate.ok) return certificate;
  if (!inDate(certificate.value, nowMs)) return err("asserted certificate not in date");
  return ok({ certificate: certificate.value, node });
}
