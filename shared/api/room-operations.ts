/** Rooms: what two SAEs send each other where they cannot reach each other directly. See shared/room/README.md. */
import type { Operation } from "./operation.ts";

export const ROOMS = {
  getRoom: {
    method: "get",
    path: "/api/v1/rooms/{peer_SAE_ID}",
    tag: "Rooms",
    summary: "The room of the caller and a peer",
    description:
      "A WebSocket that carries frames to the peer's, and the peer's here, as far as each has said to have taken them. The frames are opaque: the two seal them. Nothing is kept for a peer who is not there. In a browser, which cannot set headers on a WebSocket, the token comes as the subprotocol `bearer.<token>` beside `qkdedge.room.v1`.",
    action: "rooms.use",
    pathParameters: { peer_SAE_ID: "The other SAE, of this deployment too, URL-encoded." },
    responses: { 101: { description: "The WebSocket" } },
    errors: ["forbidden", "unknown-sae", "upgrade-required"],
    streams: true,
    curl: "/api/v1/rooms/sae-b",
  },
} as const satisfies Record<string, Operation>;
