/** Unary calls, shaped as gRPC's, side by side on one HTTP/2 connection without TLS. */
import { type ClientHttp2Session, connect } from "node:http2";
import { grpcMessage } from "../device/h2c.ts";
import { H2C_PATH } from "../device/services.ts";
import type { Jobs, Rate } from "./jobs.ts";
import { measure } from "./measure.ts";

const WARM_UP_MS = 200;

export async function h2c({ port, atOnce, measureMs }: Jobs["h2c"]["takes"]): Promise<Rate> {
  const session = connect(`http://127.0.0.1:${port}`);
  const lost = new Promise<never>((_resolve, reject) => session.once("error", reject));
  const message = grpcMessage();
  const step = (): Promise<string | null> => call(session, message);
  const workers = Array.from({ length: atOnce }, () => ({ prepare: step, step, close: () => undefined }));
  try {
    return await Promise.race([measure(workers, { warmUpMs: WARM_UP_MS, measureMs }), lost]);
  } finally {
    session.destroy();
  }
}

function call(session: ClientHttp2Session, message: Buffer): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const headers = { ":method": "POST", ":path": H2C_PATH, "content-type": "application/grpc", te: "trailers" };
    const stream = session.request(headers);
    let bytes = 0;
    let status: unknown = "absent";
    stream.on("data", (chunk: Buffer) => (bytes += chunk.length));
    stream.on("trailers", (trailers) => (status = trailers["grpc-status"]));
    stream.once("error", reject);
    stream.once("close", () => {
      const whole = bytes === message.length && status === "0";
      resolve(whole ? null : `${bytes} bytes and grpc-status ${String(status)} came back`);
    });
    stream.end(message);
  });
}
