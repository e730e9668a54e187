/**
 * Where the agents of an SA's two ends meet for its key: two `hybrid://` texts, the same whichever end asks, that name
 * the SA by its SPI and the nodes of its prefixes. As in RFC 9061's examples, both hosts' entries for one SA have the same
 * traffic selector, whose local prefix is where its traffic comes from.
 */
import { err, ok, type Result } from "../result.ts";
import { toHex } from "../bytes/hex.ts";
import { canonicalPrefix, parsePrefix, type Prefix, prefixContains } from "./addresses.ts";
import type { KeySettings } from "./key-settings.ts";
import type { SadEntry } from "./model.ts";

export { chunkBytesOf, DEFAULT_KEYS, endpointsOf, type KeySettings, readKeySettings } from "./key-settings.ts";

/** A node with an IPsec host. */
export interface IpsecEnd {
  /** Of its hybrid keys, in lower case. */
  readonly uuid: string;
  /** What is behind its host, or the host itself. */
  readonly prefixes: readonly string[];
}

/** One SA, as both ends name it. */
export interface SaKey {
  readonly sourcePrefix: string;
  readonly destinationPrefix: string;
  readonly spi: number;
}

export function saKeyOf(entry: SadEntry): SaKey {
  const { spi, "traffic-selector": selector } = entry["ipsec-sa-config"];
  return { sourcePrefix: selector["local-prefix"], destinationPrefix: selector["remote-prefix"], spi };
}

/** @returns the end with the narrowest prefix that holds this one; null: none does */
export function endOf<End extends IpsecEnd>(prefix: string, ends: readonly End[]): End | null {
  const wanted = parsePrefix(prefix);
  if (wanted === null) return null;
  let best: { readonly end: End; readonly bits: number } | null = null;
  for (const end of ends) {
    for (const { bits } of end.prefixes.map(parsePrefix).filter((own) => holds(own, wanted))) {
      if (best === null || bits > best.bits) best = { end, bits };
    }
  }
  return best?.end ?? null;
}

const holds = (own: Prefix | null, wanted: Prefix): own is Prefix => own !== null && prefixContains(own, wanted);

export interface Ends<End> {
  /** Has the SA outbound. */
  readonly source: End;
  readonly destination: End;
}

/** @returns a message that names the prefix which is nobody's */
export function endsOf<End extends IpsecEnd>(
  { sourcePrefix, destinationPrefix }: SaKey,
  ends: readonly End[],
): Result<Ends<End>, string> {
  const [source, destination] = [endOf(sourcePrefix, ends), endOf(destinationPrefix, ends)];
  if (source === null) return err(`local-prefix ${sourcePrefix} is no node's`);
  if (destination === null) return err(`remote-prefix ${destinationPrefix} is no node's`);
  if (source === destination) return err(`local-prefix and remote-prefix are both of the node ${source.uuid}`);
  return ok({ source, destination });
}

export interface Rendezvous {
  readonly source: string;
  readonly destination: string;
}

/**
 * The texts of an OPEN_CONNECT, as QUBIP's proxy agents write them. Where a node has more than the one prefix, the name
 * tells which are meant: SPIs are counted for each destination by itself.
 * @param qkdRequired of either node: `qkd_required_if_used`
 */
export function rendezvousOf(
  sa: SaKey,
  { source, destination }: Ends<IpsecEnd>,
  keys: Omit<KeySettings, "endpoints">,
  qkdRequired: boolean,
): Rendezvous {
  const name = nameOf(sa, { source, destination });
  const query = queryOf(keys, qkdRequired);
  return {
    source: `hybrid://${name}@${source.uuid}?${query}`,
    destination: `hybrid://${name}@${destination.uuid}?${query}`,
  };
}

function nameOf({ spi, sourcePrefix, destinationPrefix }: SaKey, { source, destination }: Ends<IpsecEnd>): string {
  const isTheOnly = ({ prefixes }: IpsecEnd, prefix: string) =>
    prefixes.length === 1 && prefixes.map(canonicalPrefix)[0] === prefix;
  if (isTheOnly(source, sourcePrefix) && isTheOnly(destination, destinationPrefix)) return `SPI_${spi}`;
  return `SPI_${spi}_${prefixName(sourcePrefix)}_${prefixName(destinationPrefix)}`;
}

/** Colons and slashes mean something in a URI: `10.0.0.11-32`, and the whole 16 octets in hex for IPv6. */
function prefixName(text: string): string {
  const { octets, bits } = parsePrefix(text) ?? { octets: new Uint8Array(), bits: 0 };
  return `${octets.length === 4 ? octets.join(".") : toHex(octets)}-${bits}`;
}

function queryOf({ qkd, kem, method }: Omit<KeySettings, "endpoints">, qkdRequired: boolean): string {
  const required = [...(qkd && qkdRequired ? ["QKD"] : []), ...(kem === null ? [] : [kem])];
  const optional = qkd && !qkdRequired ? ["QKD"] : [];
  return [
    `hybridization=${method}`,
    ...(required.length > 0 ? [`req_key_sources=${required.join(",")}`] : []),
    ...(optional.length > 0 ? [`opt_key_sources=${optional.join(",")}`] : []),
  ].join("&");
}
