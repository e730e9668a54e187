/** Whom a revocation cuts off, by the network document: what matches nobody is most likely a slip of the hand. Pure. */
import type { X509Certificate } from "node:crypto";
import { parseSubjectAltName } from "../../shared/auth/san.ts";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { buildLookup, certificateOwners, type CertificateNames, type Owner } from "../../shared/network/lookup.ts";
import { commonNameOf } from "./certificate.ts";
import { didYouMean } from "./suggest.ts";

export interface Revoking {
  readonly kind: "certificate" | "token" | "principal";
  /** As the edge knows it: SHA-256 in hex, or `role:id`. */
  readonly value: string;
  /** Where the certificate itself was given: the document may know it by name only. */
  readonly certificate: X509Certificate | null;
}

/** Names of the principals it cuts off, `sae:sae-a`. */
export function affectedBy(document: NetworkDocument, { kind, value, certificate }: Revoking): string[] {
  if (kind === "principal") return principalsOf(document).filter((name) => name === value);
  const nothingElse = { sequence: 0, documentVersion: 0, revocations: [], drains: [], bootstrapOpen: false };
  const lookup = buildLookup({ ...nothingElse, document });
  if (kind === "certificate") return certificateOwners(lookup, namesOf(value, certificate)).map(nameOf);
  const owner = lookup.tokens.get(value);
  return owner === undefined ? [] : [nameOf(owner)];
}

/** They are revoked by the same list. */
const KMS_TOKENS = " (those of users of the KMS API stand in no document)";

/** What to say when that is nobody. */
export function warningOf(document: NetworkDocument, { kind, value, certificate }: Revoking): string {
  if (kind === "certificate" && certificate === null) {
    return "warning: the network document names no certificate by this fingerprint; whether it tells the certificate by CN or SAN, @FILE would show";
  }
  const ofUsers = kind === "token" && (document.kms_clients ?? []).length > 0 ? KMS_TOKENS : "";
  const nearest = kind === "principal" ? didYouMean(value, principalsOf(document)) : "";
  return `warning: nobody in the network document has this ${kind === "principal" ? "name" : kind}${ofUsers}.${nearest} It stays revoked, should somebody get it later`;
}

function principalsOf({
  saes,
  nodes,
  agents,
  controllers,
  operators,
  kms_peers: kms = [],
  legacy_nodes: legacy = [],
  kms_users: users = [],
  kms_clients: clients = [],
}: NetworkDocument): string[] {
  const others = { controller: controllers, operator: operators, "kms-user": [...users, ...clients] };
  const lists = { sae: saes, node: nodes, agent: agents, legacy, kms, ...others };
  return Object.entries(lists).flatMap(([role, entries]) => entries.map(({ id }) => `${role}:${id}`));
}

const nameOf = ({ subject: { role, id } }: Owner): string => `${role}:${id}`;

function namesOf(fingerprint: string, certificate: X509Certificate | null): CertificateNames {
  const sans = parseSubjectAltName(certificate?.subjectAltName);
  const commonName = certificate === null ? null : commonNameOf(certificate);
  return { fingerprint, sans: sans.ok ? sans.value : [], commonName };
}
