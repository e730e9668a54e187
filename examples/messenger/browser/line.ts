/**
 * A direct channel: WebRTC's data channel, without any server of others. Its descriptions go to the other side sealed like
 * everything else, and what it carries is sealed as well: its own encryption is not relied upon.
 */
import { BOUNDS } from "../core/bounds.ts";
import type { Bytes } from "../core/bytes.ts";
import type { Description, Line, LineEvents } from "../core/direct.ts";

export interface FrameEvents {
  readonly onFrame: (frame: Bytes) => void;
  readonly onWritable: () => void;
}

export function openLine(events: LineEvents, frames: FrameEvents): Line {
  const connection = new RTCPeerConnection({ iceServers: [] });
  // Agreed upon beforehand: no side has to wait for the other to announce it.
  const channel = connection.createDataChannel("messenger", { negotiated: true, id: 0 });
  channel.binaryType = "arraybuffer";
  channel.bufferedAmountLowThreshold = BOUNDS.directBufferBytes / 4;
  channel.addEventListener("bufferedamountlow", frames.onWritable);
  channel.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer | string>) => {
    if (typeof data !== "string") frames.onFrame(new Uint8Array(data));
  });
  channel.addEventListener("open", () =>
    events.onOpen({
      kind: "direct",
      hasRoomFor: (sizeBytes) =>
        channel.readyState === "open" && channel.bufferedAmount + sizeBytes <= BOUNDS.directBufferBytes,
      send: (frame) => {
        if (channel.readyState === "open") channel.send(frame);
      },
    }),
  );
  channel.addEventListener("close", events.onEnd);
  connection.addEventListener("connectionstatechange", () => {
    if (BROKEN.has(connection.connectionState)) events.onEnd();
  });
  return {
    offer: async () => {
      await connection.setLocalDescription(await connection.createOffer());
      return await described(connection, "offer");
    },
    hear: async ({ type, sdp }) => {
      await connection.setRemoteDescription({ type, sdp });
      if (type === "answer") return null;
      await connection.setLocalDescription(await connection.createAnswer());
      return await described(connection, "answer");
    },
    close: () => connection.close(),
  };
}

/** `disconnected` may pass, but the room is there at once, and another direct channel soon. */
const BROKEN: ReadonlySet<RTCPeerConnectionState> = new Set(["disconnected", "failed", "closed"]);

/** With all addresses in it: within one network they are known at once. */
async function described(connection: RTCPeerConnection, type: Description["type"]): Promise<Description> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, BOUNDS.gatherMs);
    const look = (): void => {
      if (connection.iceGatheringState !== "complete") return;
      clearTimeout(timer);
      resolve();
    };
    connection.addEventListener("icegatheringstatechange", look);
    look();
  });
  const sdp = connection.localDescription?.sdp ?? "";
  if (sdp.length > BOUNDS.sdpChars) throw new Error("a description that is too long");
  return { kind: "description", type, sdp };
}
