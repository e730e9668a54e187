/** What an application asks for by OPEN_CONNECT with `hybrid://` addresses, checked against what is configured here. */
import { parseHybridUri, rolesOf } from "../../../shared/hybrid/uri.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { ok, type Result } from "../../../shared/result.ts";
import { type Application, type ModuleWish, publicKeysBytes, type Wish } from "./agreement.ts";
import type { HybridConfig, HybridPeer } from "./config.ts";
import { placeOf } from "../../place.ts";
import { failed, type HybridFailure } from "./failure.ts";

export interface OpenHybrid {
  readonly source: string;
  readonly destination: string;
  readonly chunkBytes: number;
  /** 0: as long as is usual. */
  readonly timeoutMs: number;
}

/** Are these addresses of a hybrid stream that agents make, as it is where they do not say otherwise? */
export const isForAgents = ({ source, destination }: Pick<OpenHybrid, "source" | "destination">): boolean => {
  const isHybrid = [source, destination].some((uri) => /^hybrid:/i.test(uri));
  const read = isHybrid ? parseHybridUri(source) : null;
  return read !== null && !(read.ok && read.value.kem === "edge");
};

/** Whom this agent knows. */
export interface Known {
  readonly nodes: HybridConfig["node"];
  /** By UUID. */
  readonly partners: ReadonlyMap<string, HybridPeer>;
}

export function wishOf(
  { nodes, partners }: Known,
  { source, destination, chunkBytes, timeoutMs }: OpenHybrid,
  { sae, node }: Pick<Application, "sae" | "node">,
): Result<Wish | ModuleWish, HybridFailure> {
  const roles = rolesOf(source, destination);
  if (!roles.ok) {
    const { code, message } = roles.error;
    return failed(code === "not-hybrid" ? "bad-uri" : code, message.slice(code.length + 2));
  }
  if (chunkBytes < 1 || chunkBytes > LIMITS.hybridChunkBytes) {
    return failed("qos-differs", `chunks have 1 to ${LIMITS.hybridChunkBytes} bytes`);
  }
  const { initiator, responder, method, sources } = roles.value;
  if (publicKeysBytes({ sources }) > LIMITS.hybridPublicKeysBytes) {
    return failed("too-many-sources", `public keys of more than ${LIMITS.hybridPublicKeysBytes} bytes in all`);
  }
  const uuid = nodes.find(({ id }) => id === node)?.uuid;
  if (uuid === undefined) return failed("unknown-peer", `the agent's [hybrid] has no node ${node}`);
  if (uuid !== initiator && uuid !== responder) return failed("unknown-peer", `neither end is this node, ${uuid}`);
  const role = uuid === initiator ? "initiator" : "responder";
  const partner = partners.get(role === "initiator" ? responder : initiator);
  if (partner === undefined) return failed("unknown-peer", "the agent's [hybrid] has no peer of the other end's UUID");
  const asked = {
    source,
    destination,
    method,
    sources,
    chunkBytes,
    timeoutMs: timeoutMs === 0 ? LIMITS.hybridPeerMs : Math.min(timeoutMs, LIMITS.streamTimeoutMs),
    own: { sae, node, uuid },
    role,
    allowShort: partner.compat_short_keys,
  } as const;
  const { site, module } = partner;
  if (site !== undefined) return ok({ ...asked, peer: { uuid: partner.uuid, site } });
  const place = placeOf(module ?? "");
  if (place === null) return failed("unknown-peer", "the peer has no address");
  return ok({
    ...asked,
    peer: {
      uuid: partner.uuid,
      module: place,
      seedFile: partner.shared_seed_file ?? null,
      zeroIsNext: partner.index_zero_is_next === true,
    },
  });
}
