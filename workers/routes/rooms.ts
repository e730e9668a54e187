/** Rooms: WebSockets of two SAEs of this deployment, one to the other. */
import { principalName } from "../../shared/auth/principal.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { SaeId } from "../../shared/ids.ts";
import { isHosted, type Lookup, saeId } from "../../shared/network/lookup.ts";
import { ok, type Result } from "../../shared/result.ts";
import { ROOM_CALL_HEADER, type RoomCall, roomName, writeRoomCall } from "../../shared/room/types.ts";
import { ROOM_PROTOCOL } from "../../shared/room/wire.ts";
import { openSocket } from "../middleware/sockets.ts";
import type { AuthenticatedCall, StreamReply } from "./handler.ts";

/** Whom the caller may meet: an SAE that is at a node hosted here. */
function peerOf({ path, caller }: AuthenticatedCall): Result<SaeId, Fault> {
  const id = path["peer_SAE_ID"] ?? "";
  if (id === caller.grant.principal.id) return fail("bad-request", "path peer_SAE_ID: is the calling SAE itself");
  const sae = caller.lookup.saesById.get(id);
  if (sae !== undefined && isHosted(caller.lookup, sae.node)) return ok(saeId(id));
  return fail(
    "unknown-sae",
    isElsewhere(caller.lookup, id) ? "the peer SAE is of another deployment" : "no such peer SAE",
  );
}

const isElsewhere = ({ remoteSaes, kmsPeerBySae, legacyBySae }: Lookup, id: string): boolean =>
  remoteSaes.has(id) || kmsPeerBySae.has(id) || legacyBySae.has(id);

export async function getRoom(call: AuthenticatedCall): StreamReply {
  const { env, caller } = call;
  const { principal } = caller.grant;
  const peer = peerOf(call);
  if (!peer.ok) return peer;
  if (principal.role !== "sae") return fail("forbidden", "rooms are for SAEs");
  const roomCall: RoomCall = {
    principal: principalName(principal),
    self: { sae: principal.id, node: principal.node },
    peer: peer.value,
    standing: caller.standing(),
  };
  const room = env.ROOM.getByName(roomName(principal.id, peer.value));
  const headers = { [ROOM_CALL_HEADER]: writeRoomCall(roomCall) };
  return await openSocket(call, { to: room, headers, protocol: ROOM_PROTOCOL, what: "room" });
}
