/** Key streams inside workerd, by the routes of the Worker. */
import { call, post } from "./in-workerd-network.ts";

/** Of a JSON answer: its HTTP status and its body. */
export interface Told {
  readonly http: number;
  readonly body: Record<string, unknown>;
}

export async function told(response: Response): Promise<Told> {
  return { http: response.status, body: await response.json<Told["body"]>() };
}

export const openAs = async (as: string, body: object): Promise<Told> =>
  await told(await post("/api/v1/streams", as, body));
export const keyAs = async (as: string, ksid: string, body: object = {}): Promise<Told> =>
  await told(await post(`/api/v1/streams/${ksid}/get_key`, as, body));
export const closeAs = async (as: string, ksid: string, body: object = {}): Promise<Told> =>
  await told(await post(`/api/v1/streams/${ksid}/close`, as, body));

/** A stream of sae-a and sae-b that both have opened. @returns its KSID */
export async function bothOpen(QOS: object = {}): Promise<string> {
  const opened = await openAs("sae-a", { destination: "sae-b", QOS });
  const ksid = String(opened.body["key_stream_ID"]);
  const joined = await openAs("sae-b", { destination: "sae-a", key_stream_ID: ksid });
  if (joined.http !== 200) throw new Error(`not joined: ${JSON.stringify([opened, joined])}`);
  return ksid;
}

/** Larger than any body these routes take. */
export const TEN_MEGABYTES = "[".repeat(10 * 1024 * 1024);

export async function statusOf(path: string, init: Parameters<typeof call>[1]): Promise<number> {
  const response = await call(path, init);
  await response.arrayBuffer();
  return response.status;
}
