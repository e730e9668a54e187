/**
 * Room: relays sealed frames between two SAEs who cannot reach each other directly. It keeps nothing but the alarm for the
 * next expiry: who is there, and what is on its way, stands with the sockets themselves.
 */
import { DurableObject } from "cloudflare:workers";
import { HTTP_STATUS } from "../../shared/errors/errors.ts";
import { readRoomCall, ROOM_CALL_HEADER, type RoomCall, roomName, type RoomRpc } from "../../shared/room/types.ts";
import { PING, PONG } from "../../shared/room/wire.ts";
import { DIRECTORY_NAME, type ObjectsEnv } from "../env.ts";
import { Reviews } from "../standing/reviews.ts";
import { arm } from "../storage/planner.ts";
import { RoomSockets } from "./sockets.ts";

export class Room extends DurableObject<ObjectsEnv> implements RoomRpc {
  readonly #sockets: RoomSockets;
  readonly #reviews: Reviews<RoomCall>;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    this.#sockets = new RoomSockets({
      sockets: () => ctx.getWebSockets(),
      accept: (socket) => ctx.acceptWebSocket(socket),
      pingedMs: (socket) => ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? null,
      nowMs: Date.now,
    });
    // Pings do not wake the room.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG));
    this.#reviews = new Reviews("rooms", this.#sockets, () => env.DIRECTORY.getByName(DIRECTORY_NAME));
  }

  async refresh(): Promise<void> {
    await this.#reviews.review(this.#name);
  }

  override async fetch(request: Request): Promise<Response> {
    const header = request.headers.get(ROOM_CALL_HEADER);
    if (header === null || request.headers.get("Upgrade")?.toLowerCase() !== "websocket") {
      return refused("upgrade-required", "a WebSocket is expected here");
    }
    const call = readRoomCall(header);
    if (this.#sockets.isFullFor(call.self.sae))
      return refused("unavailable", "this SAE has left too many sockets of the room open, try again later");
    const { 0: client, 1: server } = new WebSocketPair();
    this.#sockets.admit(server, call);
    await arm(this.ctx.storage, this.#sockets.endExpired());
    this.ctx.waitUntil(this.#reviews.begin(this.#name, ({ self }) => self.sae === call.self.sae, Date.now));
    return new Response(null, { status: 101, webSocket: client });
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.#sockets.heard(socket, message);
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    await this.#ended(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    await this.#ended(socket);
  }

  override async alarm(): Promise<void> {
    await arm(this.ctx.storage, this.#sockets.endExpired(), true);
  }

  async #ended(socket: WebSocket): Promise<void> {
    const { self, peer } = this.#sockets.ended(socket);
    if (this.#sockets.calls.length > 0) return;
    // So that a revocation need not wait for rooms that are empty. Unheard, the Directory tells this one of one change more.
    await this.#reviews.review(roomName(self.sae, peer)).catch(() => undefined);
  }

  /** The platform does not tell it to an object that wakes up by itself. */
  get #name(): string {
    const [call] = this.#sockets.calls;
    return call === undefined ? (this.ctx.id.name ?? "") : roomName(call.self.sae, call.peer);
  }
}

function refused(code: "upgrade-required" | "unavailable", message: string): Response {
  const again = code === "unavailable" ? { "Retry-After": "1" } : undefined;
  return Response.json({ message }, { status: HTTP_STATUS[code], headers: { "Cache-Control": "no-store", ...again } });
}
