/** What both ends of a stream's WebSocket have to agree upon: see `socket.ts`. */
import { CLIENT } from "../limits-client.ts";

/** Its subprotocol (RFC 6455 1.9), answered to clients that offer it: browsers do, whose token comes the same way. */
export const SOCKET_PROTOCOL = "qkdedge.stream.v1";

/** Of a message, all but the key. */
const FRAME_CHARS = 128;

/** How many messages may be on their way: pushed, and not said to have been received. */
export const windowMessages = (chunkBytes: number): number =>
  Math.max(1, Math.floor(CLIENT.streamUnreceiptedChars / (Math.ceil(chunkBytes / 3) * 4 + FRAME_CHARS)));
