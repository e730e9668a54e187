/**
 * The hand-over between two devices that speak ETSI 014: the end that asked for new keys tells under which IDs they
 * can be had, the other end asks which blocks wait for it.
 */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { KeyIdsOutcome, KeyPoolRpc } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { NumberedBlock } from "./block-key-id-store.ts";
import { commit, type PoolContext } from "./context.ts";

type KeyIdsCall = Parameters<KeyPoolRpc["putKeyIds"]>[0];
type AwaitedCall = Parameters<KeyPoolRpc["awaitedBlocks"]>[0];
type Page = Extract<Awaited<ReturnType<KeyPoolRpc["awaitedBlocks"]>>, { ok: true }>["value"];

/** A repeat changes nothing: the agent that told them may have crashed before it heard our answer. */
export async function putKeyIds(
  pool: PoolContext,
  { block: id, node, keyIds }: KeyIdsCall,
): Promise<Result<KeyIdsOutcome, Fault>> {
  return await commit<KeyIdsOutcome>(pool, () => {
    const block = pool.blocks.byId(id);
    if (block === undefined) return fail("not-found", `block ${id} is not known: push it first`);
    if (block.state !== "unmatched") return ok("settled");
    if (block.node !== node) return fail("conflict", `block ${id} was pushed by the other end`);
    const known = pool.blockKeyIds.of(block.seq);
    if (known === undefined) pool.blockKeyIds.put(block.seq, keyIds);
    else if (known.length !== keyIds.length || known.some((keyId, i) => keyId !== keyIds[i])) {
      return fail("conflict", `block ${id} is known with other key IDs`);
    }
    return ok("awaits-twin");
  });
}

export function awaitedBlocks(pool: PoolContext, { node, after, limit }: AwaitedCall): Page {
  const { low, high } = pool.pair;
  const found = pool.blockKeyIds.waiting(node === low ? high : low, after, Math.min(limit, LIMITS.awaitedBlocks));
  const page = withinBound(found);
  const more = page.length < found.length || found.length === limit;
  return {
    blocks: page.map(({ block, bits, keyIds }) => ({ block, bits, keyIds })),
    next: more ? (page.at(-1)?.seq ?? null) : null,
  };
}

/** As many of the first as hold no more key IDs than a page may; one at least. */
function withinBound(found: readonly NumberedBlock[]): readonly NumberedBlock[] {
  let ids = 0;
  const end = found.findIndex(({ keyIds }) => (ids += keyIds.length) > LIMITS.awaitedKeyIds);
  return end === -1 ? found : found.slice(0, Math.max(1, end));
}
