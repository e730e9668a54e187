/**
 * The Worker and its objects as they are deployed, but that some key streams are none: the object answers their GET_KEY
 * with the same chunk at once. So all but what the stream itself costs is the same for both. And the barest way to such
 * an object: nobody is authenticated, nothing is read or checked.
 */
import { KeyStream as Served } from "../../../durable-objects/key-stream/key-stream.ts";
import { toBase64 } from "../../../shared/bytes/base64.ts";
import type { GetKeyAnswer, GetKeyCall, Ksid, StreamResult } from "../../../shared/etsi004/types.ts";
import type { NodeId, SaeId } from "../../../shared/ids.ts";
import { ok } from "../../../shared/result.ts";
import type { Env } from "../../../workers/env.ts";
import app from "../../../workers/index.ts";
import { BARE_PATH, CHUNK_BYTES, isNoop, NOOP_INDEX, noopKsid } from "../noop.ts";

export * from "../../../workers/index.ts";

const NOTHING = ok<GetKeyAnswer>({
  status: "success",
  indices: [NOOP_INDEX],
  key: new Uint8Array(CHUNK_BYTES).fill(0xa5),
  chunkBytes: CHUNK_BYTES,
  metadata: null,
});

export class KeyStream extends Served {
  override async getKey(call: GetKeyCall): StreamResult<GetKeyAnswer> {
    return isNoop(call.ksid) ? NOTHING : await super.getKey(call);
  }
}

const BARE_CALL: GetKeyCall = {
  configVersion: 0,
  principal: "sae:nobody",
  profile: "native",
  ksid: noopKsid(0) as Ksid,
  self: { sae: "nobody" as SaeId, node: "nowhere" as NodeId },
  indices: null,
  metadataSize: 0,
};

/** @param path a name of the object: each stream has its own */
async function bare(path: string, request: Request, env: Env): Promise<Response> {
  await request.text();
  const answer = await env.KEY_STREAM.getByName(path).getKey(BARE_CALL);
  if (!answer.ok || answer.value.status !== "success") return new Response(null, { status: 500 });
  const { indices, key } = answer.value;
  return Response.json({ status: 0, index: indices[0], Key_buffer: toBase64(key) });
}

export default {
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith(BARE_PATH)) return await bare(pathname, request, env);
    return await app.fetch(request, env, context);
  },
} satisfies ExportedHandler<Env>;
