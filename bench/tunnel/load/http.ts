/** GET requests to the device's HTTP service, each connection of many without pause. */
import { Agent, get, type RequestOptions } from "node:http";
import type { Jobs, Rate } from "./jobs.ts";
import { measure } from "./measure.ts";

const WARM_UP_MS = 300;

export async function http({ url, token, atOnce, measureMs }: Jobs["http"]["takes"]): Promise<Rate> {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
  const { hostname, port, pathname: path } = new URL(url);
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  const step = (): Promise<string | null> => request({ agent, hostname, port, path, headers });
  const workers = Array.from({ length: atOnce }, () => ({ prepare: step, step, close: () => undefined }));
  try {
    return await measure(workers, { warmUpMs: WARM_UP_MS, measureMs });
  } finally {
    agent.destroy();
  }
}

function request(options: RequestOptions): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const asked = get(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("error", reject);
      response.once("end", () => {
        const body = Buffer.concat(chunks).toString("latin1");
        const isKey = response.statusCode === 200 && body.startsWith('{"key":');
        resolve(isKey ? null : `answered ${response.statusCode}: ${body.slice(0, 200)}`);
      });
    });
    asked.once("error", reject);
  });
}
