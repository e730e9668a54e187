/** Mutual TLS with hybridization modules: one authority, both ends show a certificate of it, each named as it is called. */
import { constants } from "node:crypto";
import { readFileSync } from "node:fs";
import tls from "node:tls";
import { AgentFailure } from "../../../agent/failure.ts";
import { reasonOf } from "../../../agent/reason.ts";
import type { HybridModuleConfig } from "../config.ts";

const OPTIONS = {
  /** Modules take whatever their Python has: 1.3, or 1.2. */
  minVersion: "TLSv1.2",
  ecdhCurve: "X25519MLKEM768:X25519:P-256:P-384",
  /** No session is resumed: each connection shows its certificate. */
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const satisfies tls.SecureContextOptions;

/** @throws AgentFailure where a file cannot be read, or key and certificate are not one another's */
export function credentialsOf({ cert, key, ca }: HybridModuleConfig): tls.SecureContextOptions {
  try {
    const options = { ...OPTIONS, cert: readFileSync(cert), key: readFileSync(key), ca: readFileSync(ca) };
    tls.createSecureContext(options);
    return options;
  } catch (thrown) {
    throw new AgentFailure(`[hybrid.module]: ${reasonOf(thrown)}`);
  }
}

/** Is this the certificate of who is reached at that name or address? */
export const isNamed = (certificate: tls.PeerCertificate, host: string): boolean =>
  tls.checkServerIdentity(host, certificate) === undefined;
