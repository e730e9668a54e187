/** The frames of ETSI's gs004-app-int, as an application has them. */
import { decodeMessage } from "../../../../shared/etsi004/binary/decode.ts";
import { encodeMessage } from "../../../../shared/etsi004/binary/encode.ts";
import { FrameReader } from "../../../../shared/etsi004/binary/frame-reader.ts";
import type { MessageOf, Request, Response } from "../../../../shared/etsi004/binary/messages.ts";
import type { Reach } from "../reach.ts";
import { Line, type LineCodec } from "./line.ts";

export type BinaryLine = Line<Response>;

export const openBinary = async (reach: Reach): Promise<BinaryLine> => await Line.open(reach, binaryAnswers());

/** Sends a request and reads its response. @throws Error where another or none comes */
export async function askBinary<R extends Request>(line: BinaryLine, request: R): Promise<Answering<R>> {
  const response = await line.ask(encodeMessage(request));
  const due = RESPONSES[request.type];
  if (response.type !== due) throw new Error(`a frame of type ${response.type} comes in place of ${due}`);
  return response as Answering<R>;
}

const RESPONSES = {
  "open-request": "open-response",
  "get-key-request": "get-key-response",
  "close-request": "close-response",
} as const satisfies Record<Request["type"], Response["type"]>;
type Answering<R extends Request> = MessageOf<(typeof RESPONSES)[R["type"]]>;

export function binaryAnswers(): LineCodec<Response> {
  const reader = new FrameReader("responses");
  return {
    read(segment) {
      const { frames, fault } = reader.push(segment);
      if (fault !== null) throw new Error(`what comes is no frame: ${fault}`);
      return frames.map((frame) => {
        const message = decodeMessage(frame);
        if (!message.ok) throw new Error(`a frame of type ${frame.type} that cannot be read: ${message.error}`);
        return message.value as Response;
      });
    },
    shown,
  };
}

function shown(response: Response): string {
  const { type, status } = response;
  if (type === "close-response") return `${type}: status ${status}`;
  if (type === "open-response") return `${type}: status ${status} ${JSON.stringify(response.stream)}`;
  const { chunk, neededSize } = response;
  if (chunk === null) return `${type}: status ${status}${neededSize === null ? "" : `, ${neededSize} needed`}`;
  return `${type}: status ${status}, index ${chunk.index}, [${chunk.key.length} bytes], metadata ${chunk.metadata}`;
}
