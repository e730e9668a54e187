/** Both ends' entries of a tunnel, each in its node's own dialect, from what the network document says of the two. Pure. */
import { canonicalPrefix, parsePrefix, prefixContains } from "../../shared/ipsec/addresses.ts";
import { NO_KEYS } from "../../shared/ipsec/entry.ts";
import { keyBytesOf, keyLayoutOf } from "../../shared/ipsec/key-layout.ts";
import { type EndEntries, tunnelEntries, type TunnelEnd, type TunnelWish } from "../../shared/ipsec/tunnel-entries.ts";
import { dialectOf } from "../../shared/ipsec/view.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { IpsecNode } from "./ipsec.ts";

export interface TunnelOf extends Omit<TunnelWish, "registry"> {
  /** Of A and B; null: the node's only one. */
  readonly prefixes: readonly [a: string | null, b: string | null];
  /** Of the two hosts, in mode tunnel; null: the prefix is the host. */
  readonly addresses: readonly [a: string | null, b: string | null];
}

/** The options that name an end. */
const LOCAL = { prefix: "--local-prefix", address: "--local" } as const;
const REMOTE = { prefix: "--remote-prefix", address: "--remote" } as const;

/** @returns the entries of either node; or what is wrong, in words for who typed the command */
export function tunnelBetween(
  a: IpsecNode,
  b: IpsecNode,
  tunnel: TunnelOf,
): Result<readonly [EndEntries, EndEntries], string> {
  const { prefixes, addresses, ...wish } = tunnel;
  const ownEnd = endOf(a, { prefix: prefixes[0], address: addresses[0], mode: wish.mode }, LOCAL);
  if (!ownEnd.ok) return ownEnd;
  const otherEnd = endOf(b, { prefix: prefixes[1], address: addresses[1], mode: wish.mode }, REMOTE);
  if (!otherEnd.ok) return otherEnd;
  const ends = [ownEnd.value, otherEnd.value] as const;
  const ofA = tunnelEntries(ends, { ...wish, registry: a.ipsec.registry });
  if (!ofA.ok) return err(`${a.node}: ${ofA.error}`);
  const ofB = tunnelEntries(ends, { ...wish, registry: b.ipsec.registry });
  if (!ofB.ok) return err(`${b.node}: ${ofB.error}`);
  const both = [ofA.value[0], ofB.value[1]] as const;
  const [bytesA, bytesB] = [keyBytesAt(a, both[0]), keyBytesAt(b, both[1])];
  if (bytesA === bytesB) return ok(both);
  return err(
    `the two hosts take keys of different lengths, so there is no key: ${bytesA} bytes at ${a.node} (compat ${a.ipsec.compat}), ${bytesB} at ${b.node} (${b.ipsec.compat})`,
  );
}

interface SaidOfEnd extends Pick<TunnelWish, "mode"> {
  readonly prefix: string | null;
  readonly address: string | null;
}

function endOf(
  { node, ipsec }: IpsecNode,
  { prefix: said, address, mode }: SaidOfEnd,
  option: Readonly<Record<"prefix" | "address", string>>,
): Result<TunnelEnd, string> {
  const own = ipsec.prefixes.flatMap((text) => canonicalPrefix(text) ?? []);
  const [only, ...others] = own;
  if (said === null && (only === undefined || others.length > 0)) {
    return err(`${option.prefix} is required: ${node} has the prefixes ${own.join(", ")}`);
  }
  const text = said ?? only ?? "";
  const prefix = parsePrefix(text);
  if (prefix === null) return err(`${option.prefix}: "${text.slice(0, 80)}" is no IP prefix`);
  const isInside = own.some((outer) => {
    const parsed = parsePrefix(outer);
    return parsed !== null && prefixContains(parsed, prefix);
  });
  if (!isInside) return err(`${option.prefix}: ${text} is not in ${own.join(", ")} of ${node}`);
  const isHost = prefix.bits === prefix.octets.length * 8;
  if (mode === "transport" && !isHost) {
    return err(`${node}: ${text} is a network, and mode transport is for hosts: --mode tunnel, or ${option.prefix}`);
  }
  if (address === null && !isHost) {
    return err(`${option.address} is required: the address of the host in front of ${text}`);
  }
  return ok({ prefix: text, address: address ?? text.replace(/\/.*$/, "") });
}

/** Of an SA's key as the node's host takes it; null: it takes no such algorithm. */
function keyBytesAt({ ipsec }: IpsecNode, { spd, sad: [entry] }: EndEntries): number | null {
  if (entry === undefined) return null;
  const laid = keyLayoutOf(entry, dialectOf(ipsec), { dropped: NO_KEYS, policies: spd });
  return laid.ok ? keyBytesOf(laid.value.layout) : null;
}
