/** Addresses and networks that may connect. */
import { BlockList, isIP } from "node:net";

type Family = "ipv4" | "ipv6";
const familyOf = (address: string): Family => (isIP(address) === 6 ? "ipv6" : "ipv4");

const PREFIX = /^\d{1,3}$/;
const BITS = { ipv4: 32, ipv6: 128 } as const;

/** `10.0.0.0/8`, `fd00::/8`, or an address alone. */
export function isNetwork(text: string): boolean {
  const [address = "", prefix, ...more] = text.split("/");
  if (isIP(address) === 0 || more.length > 0) return false;
  return prefix === undefined || (PREFIX.test(prefix) && Number(prefix) <= BITS[familyOf(address)]);
}

const THIS_MACHINE = ["127.0.0.0/8", "::1"] as const;

/** @param networks each `isNetwork` */
function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix] = network.split("/");
    const family = familyOf(address);
    list.addSubnet(address, prefix === undefined ? BITS[family] : Number(prefix), family);
  }
  return list;
}

/** May an address connect? An IPv4 address may come in IPv6's clothes (`::ffff:10.0.0.1`). */
export type AllowList = (address: string | undefined) => boolean;

export function allowList(networks: readonly string[]): AllowList {
  const list = listOf(networks);
  return (address) => address !== undefined && isIP(address) !== 0 && list.check(address, familyOf(address));
}

/** Those networks, and whoever is on this machine. */
export const withThisMachine = (networks: readonly string[]): AllowList => allowList([...THIS_MACHINE, ...networks]);
