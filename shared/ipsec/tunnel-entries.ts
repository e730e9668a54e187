/**
 * Both ends' policies and SAs for the traffic between two prefixes, where no controller makes them: two policies and two
 * SAs at each host. One SA is the same entry at both, named as CCIPS controllers do.
 */
import { err, ok, type Result } from "../result.ts";
import { addressFamily, canonicalPrefix, octetsOfAddress, addressText } from "./addresses.ts";
import {
  type Encryption,
  encryptionNamed,
  ENCRYPTIONS,
  INTEGRITIES,
  type Integrity,
  integrityNamed,
  type Registry,
} from "./algorithms.ts";
import type { Lifetime, SadEntry, SpdEntry } from "./model.ts";

export interface TunnelEnd {
  /** What the SAs carry; in transport mode the host itself. */
  readonly prefix: string;
  /** The host's own, between which tunnel mode's packets travel. */
  readonly address: string;
}

export interface TunnelWish {
  readonly mode: "transport" | "tunnel";
  /** `aes-gcm-16-256`: an algorithm, and the bits of its key where it leaves a choice. */
  readonly enc: string;
  /** Not with AEADs. */
  readonly integrity: string | null;
  readonly hard: Lifetime;
  readonly soft: Lifetime;
  readonly reqid: string;
  /** Of the SA from the first end to the second, and back. */
  readonly spis: readonly [there: number, back: number];
  readonly registry: Registry;
}

export interface EndEntries {
  readonly spd: readonly SpdEntry[];
  readonly sad: readonly SadEntry[];
}

/** @returns the entries of both ends; or what is wrong with the wish, by the name of its member */
export function tunnelEntries(
  ends: readonly [TunnelEnd, TunnelEnd],
  wish: TunnelWish,
): Result<readonly [EndEntries, EndEntries], string> {
  const algorithms = wishedAlgorithms(wish);
  if (!algorithms.ok) return algorithms;
  const [a = null, b = null] = ends.map(canonicalEnd);
  if (a === null || b === null) return err("address: shall be an IP address, and prefix an IP prefix");
  if (addressFamily(a.prefix) !== addressFamily(b.prefix)) return err("prefix: of different IP versions");
  if (addressFamily(a.address) !== addressFamily(b.address)) return err("address: of different IP versions");
  if (a.prefix === b.prefix) return err("prefix: the same at both ends");
  const made = { wish, ...algorithms.value };
  const [there, back] = wish.spis;
  const sad = [saEntry(a, b, there, made), saEntry(b, a, back, made)];
  const policies = (own: TunnelEnd, other: TunnelEnd) => [
    policyEntry("outbound", [own, other], made),
    policyEntry("inbound", [other, own], made),
  ];
  return ok([
    { spd: policies(a, b), sad },
    { spd: policies(b, a), sad },
  ]);
}

interface Made {
  readonly wish: TunnelWish;
  readonly encryption: Encryption;
  readonly encryptionNumber: number;
  readonly keyBits: number;
  /** Null with AEADs. */
  readonly integrityNumber: number | null;
}

function canonicalEnd({ prefix, address }: TunnelEnd): TunnelEnd | null {
  const [own, octets] = [canonicalPrefix(prefix), octetsOfAddress(address)];
  return own === null || octets === null ? null : { prefix: own, address: addressText(octets) };
}

function wishedAlgorithms({ enc, integrity, registry }: TunnelWish): Result<Omit<Made, "wish">, string> {
  const cipher = cipherNamed(enc);
  const encryptionNumber = cipher?.encryption.numbers[registry];
  if (cipher === null || encryptionNumber === undefined) {
    return err(`enc: shall be one of ${namesIn(ENCRYPTIONS, registry)}, with the bits of its key: aes-gcm-16-256`);
  }
  const { encryption } = cipher;
  if (encryption.aead) {
    return integrity === null
      ? ok({ ...cipher, encryptionNumber, integrityNumber: null })
      : err(`integrity: ${encryption.name} needs none`);
  }
  const mac = integrity === null ? null : (integrityNamed(integrity) ?? integrityNamed(`hmac-${integrity}`));
  const integrityNumber = mac?.numbers[registry];
  if (mac === null || mac.keyBytes === 0 || integrityNumber === undefined) {
    return err(`integrity: ${encryption.name} needs one of ${namesIn(INTEGRITIES, registry)}`);
  }
  return ok({ ...cipher, encryptionNumber, integrityNumber });
}

const namesIn = (rows: readonly (Encryption | Integrity)[], registry: Registry): string =>
  rows.flatMap(({ name, numbers }) => (numbers[registry] === undefined || name === "none" ? [] : [name])).join(", ");

/** The algorithm alone, with its longest key; or with the bits of one behind it. */
function cipherNamed(text: string): { readonly encryption: Encryption; readonly keyBits: number } | null {
  const whole = encryptionNamed(text);
  if (whole !== null) return { encryption: whole, keyBits: whole.keyBits.at(-1) ?? 0 };
  const at = text.lastIndexOf("-");
  const encryption = encryptionNamed(text.slice(0, Math.max(at, 0)));
  const keyBits = Number(text.slice(at + 1));
  return encryption?.keyBits.includes(keyBits) === true ? { encryption, keyBits } : null;
}

const tunnelName = (from: TunnelEnd, to: TunnelEnd): string => `out/${shortName(from)}/in/${shortName(to)}`;
/** The prefix, without a length that says nothing. */
const shortName = ({ prefix }: TunnelEnd): string => prefix.replace(/\/(?:32|128)$/, "");

const selector = (from: TunnelEnd, to: TunnelEnd) => ({
  "local-prefix": from.prefix,
  "remote-prefix": to.prefix,
  "inner-protocol": "any" as const,
});
const tunnelOf = ({ mode }: TunnelWish, from: TunnelEnd, to: TunnelEnd) =>
  mode === "tunnel" ? { tunnel: { local: from.address, remote: to.address } } : {};

function policyEntry(
  direction: SpdEntry["direction"],
  [from, to]: readonly [TunnelEnd, TunnelEnd],
  { wish, encryptionNumber, keyBits, integrityNumber }: Made,
): SpdEntry {
  return {
    name: tunnelName(from, to),
    direction,
    reqid: wish.reqid,
    "ipsec-policy-config": {
      "traffic-selector": selector(from, to),
      "processing-info": {
        action: "protect",
        "ipsec-sa-cfg": {
          "ext-seq-num": true,
          mode: wish.mode,
          "protocol-parameters": "esp",
          "esp-algorithms": {
            ...(integrityNumber === null ? {} : { integrity: [integrityNumber] }),
            encryption: [{ id: 1, "algorithm-type": encryptionNumber, "key-length": keyBits }],
          },
          ...tunnelOf(wish, from, to),
        },
      },
    },
  };
}

function saEntry(
  from: TunnelEnd,
  to: TunnelEnd,
  spi: number,
  { wish, encryptionNumber, integrityNumber }: Made,
): SadEntry {
  return {
    name: `${tunnelName(from, to)}_${spi}`,
    reqid: wish.reqid,
    "ipsec-sa-config": {
      spi,
      "ext-seq-num": true,
      "traffic-selector": selector(from, to),
      "protocol-parameters": "esp",
      mode: wish.mode,
      "esp-sa": {
        encryption: { "encryption-algorithm": encryptionNumber },
        ...(integrityNumber === null ? {} : { integrity: { "integrity-algorithm": integrityNumber } }),
      },
      "sa-lifetime-hard": wish.hard,
      "sa-lifetime-soft": wish.soft,
      ...tunnelOf(wish, from, to),
    },
  };
}
