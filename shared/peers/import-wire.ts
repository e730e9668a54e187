/**
 * Keys of a multicast as the HTTPS carrier brings them: JSON, bytes as base64. Types and lengths are looked at here; what
 * must fit together in keypool/sealed-import.ts, by whoever is asked, whatever the carrier.
 */
import * as v from "valibot";
import { base64Schema, jsonWithBytes } from "../bytes/bytes-in-json.ts";
import type { SealedImport, VoidImport } from "../keypool/sealed-import.ts";
import { LIMITS } from "../limits.ts";
import { boundedList } from "../network/bounded-list.ts";
import { TAG_BYTES } from "../relay/types.ts";
import { count, hex, node, pair, relay, sae } from "./wire-parts.ts";

export const SealedImportSchema: v.GenericSchema<unknown, SealedImport> = v.strictObject({
  pair,
  shard: count,
  from: node,
  master: sae,
  recipients: boundedList(v.strictObject({ sae, node }), LIMITS.multicastSaes),
  nonce: hex,
  mask: hex,
  keys: count,
  sizeBytes: count,
  expiresMs: count,
  draw: v.strictObject({ shard: count, record: count, nonce: hex, simulated: v.exactOptional(v.literal(true)) }),
  drawn: relay,
  ciphertext: base64Schema(LIMITS.relayBytes),
  tag: base64Schema(TAG_BYTES),
});

export const VoidImportSchema: v.GenericSchema<unknown, VoidImport> = v.strictObject({
  pair,
  shard: count,
  from: node,
  nonce: hex,
});

/** The JSON text that these schemas read. */
export const importText = (value: SealedImport | VoidImport): string => jsonWithBytes(value);
