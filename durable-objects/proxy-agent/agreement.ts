/**
 * What the two ends of an SA have to be of one mind on: the session in which its key was made, and what it is used for. A
 * controller may post one algorithm here and another there: of one length, AES-CBC with HMAC-SHA1 and AES-256-GCM would
 * both be given the same 36 octets, and count as installed.
 */
import { algorithmsOf } from "../../shared/ipsec/algorithm-rules.ts";
import type { SadRow } from "./entry-store.ts";
import type { ProxyNetwork } from "./network.ts";

/** Says nothing of the key. @returns null: none was made */
export function agreementOf({ made, entry, layout }: Omit<SadRow, "id">, { own }: ProxyNetwork): string | null {
  if (made === null) return null;
  const algorithms = own === null ? null : algorithmsOf(entry["ipsec-sa-config"], own.dialect);
  const { encryptionBytes, saltBytes, integrityBytes } = layout;
  const names = [algorithms?.encryption.name, algorithms?.integrity?.name ?? "none"];
  return [made.ksid, ...names, encryptionBytes, saltBytes, integrityBytes].join(" ");
}
