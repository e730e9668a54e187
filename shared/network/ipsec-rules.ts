/** Rules of a network document about IPsec hosts. */
import { canonicalPrefix } from "../ipsec/addresses.ts";
import type { PointerFault } from "./directory-types.ts";
import type { Sections } from "./rule-parts.ts";

export const ipsecRules = [ipsecPrefixes, ipsecAddresses, ipsecNames, ipsecRekeys] as const;

const NO_PREFIX = "shall be an IP prefix such as 10.0.0.11/32";

/** A prefix means one node; to name it twice is a slip too. */
function ipsecPrefixes({ nodes }: Sections): PointerFault[] {
  const first = new Map<string, string>();
  return nodes.flatMap(({ pointer, value }) => {
    if (value.ipsec === undefined) return [];
    if (value.ipsec.prefixes.length === 0)
      return [{ pointer: `${pointer}/ipsec/prefixes`, message: "shall have at least one prefix" }];
    return value.ipsec.prefixes.flatMap((text, index) => {
      const at = `${pointer}/ipsec/prefixes/${index}`;
      const prefix = canonicalPrefix(text);
      if (prefix === null) return [{ pointer: at, message: NO_PREFIX }];
      const earlier = first.get(prefix);
      if (earlier === undefined) first.set(prefix, at);
      return earlier === undefined ? [] : [{ pointer: at, message: `the same prefix as ${earlier}` }];
    });
  });
}

/** Two proxy agents at one address would be one to `/createqkd`. */
function ipsecAddresses({ nodes }: Sections): PointerFault[] {
  const first = new Map<string, string>();
  return nodes.flatMap(({ pointer, value }) =>
    (value.ipsec?.addresses ?? []).flatMap((address, index) => {
      const at = `${pointer}/ipsec/addresses/${index}`;
      const earlier = first.get(address);
      if (earlier === undefined) first.set(address, at);
      return earlier === undefined ? [] : [{ pointer: at, message: `the same address as ${earlier}` }];
    }),
  );
}

/** The two agents meet for an SA's key under names made of the nodes' UUIDs. */
function ipsecNames({ nodes }: Sections): PointerFault[] {
  return nodes.flatMap(({ pointer, value }) =>
    value.ipsec !== undefined && value.uuid === undefined
      ? [{ pointer: `${pointer}/uuid`, message: "is required of a node with ipsec: keys of its SAs go by it" }]
      : [],
  );
}

/** Tunnels are told by the prefix at their other end. */
function ipsecRekeys({ nodes }: Sections): PointerFault[] {
  return nodes.flatMap(({ pointer, value }) => {
    if (value.ipsec === undefined || typeof value.ipsec.rekey === "boolean") return [];
    const own = new Set(value.ipsec.prefixes.map((text) => canonicalPrefix(text)));
    return value.ipsec.rekey.flatMap((text, index) => {
      const at = `${pointer}/ipsec/rekey/${index}`;
      const prefix = canonicalPrefix(text);
      if (prefix === null) return [{ pointer: at, message: NO_PREFIX }];
      return own.has(prefix) ? [{ pointer: at, message: "is this node's own: shall be the tunnel's other end" }] : [];
    });
  });
}
