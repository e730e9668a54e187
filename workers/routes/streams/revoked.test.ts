/** Who may not be here any more gets no key by what was begun before: calls that wait, and WebSockets. */
import { SELF } from "cloudflare:test";
import { beforeAll, expect, test } from "vitest";
import { tokenSha256 } from "../../../shared/auth/token.ts";
import { SOCKET_END } from "../../../shared/etsi004/socket.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { EDGE, NETWORK, post, setUp, token } from "../../../test/support/in-workerd-network.ts";
import { keyAs, openAs, statusOf, told } from "../../../test/support/in-workerd-stream-routes.ts";

/** As long as an id may be, in characters that no header holds. */
const FAR_SAE = "量子".repeat(LIMITS.saeIdChars / 2);
const FAR = { id: FAR_SAE, node: "n1", credentials: [{ type: "token" as const, sha256: tokenSha256(token("far")) }] };

beforeAll(async () => await setUp(4, { ...NETWORK, saes: [...NETWORK.saes, FAR] }));

const openTowards = async (as: string, sae: string, QOS: object = {}, headers: Record<string, string> = {}) => {
  const opened = await told(await post("/api/v1/streams", as, { destination: "sae-b", QOS }, headers));
  const ksid = String(opened.body["key_stream_ID"]);
  expect((await openAs("sae-b", { destination: sae, key_stream_ID: ksid })).http).toBe(200);
  return ksid;
};

async function socketAs(as: string, ksid: string, more: Record<string, string> = {}) {
  const headers = { Upgrade: "websocket", Authorization: `Bearer ${token(as)}`, ...more };
  const { webSocket } = await SELF.fetch(`${EDGE}/api/v1/streams/${ksid}/ws`, { headers });
  if (webSocket === null) throw new Error("no WebSocket");
  const first = Promise.withResolvers<unknown>();
  const ended = Promise.withResolvers<number>();
  webSocket.addEventListener("message", ({ data }) => first.resolve(JSON.parse(String(data))));
  webSocket.addEventListener("close", ({ code }) => ended.resolve(code));
  webSocket.accept();
  webSocket.send('{"credits": 1}');
  return { webSocket, first: first.promise, ended: ended.promise };
}

test("the WebSocket is for SAEs of any name", async () => {
  const ksid = await openTowards("far", FAR_SAE);
  const { webSocket, first } = await socketAs("far", ksid);
  const { body } = await keyAs("sae-b", ksid, { index: 0 });
  expect(await first).toMatchObject({ index: 0, Key_buffer: body["Key_buffer"] });
  webSocket.close();
});

test("a call that waited for key gets none once its token is revoked", async () => {
  const ksid = await openTowards("sae-a", "sae-a", { Key_chunk_size: 32, Max_bps: 64, Timeout: 20_000 });
  expect((await keyAs("sae-a", ksid)).http).toBe(200);
  // Its turn comes after four seconds.
  const late = statusOf(`/api/v1/streams/${ksid}/get_key`, { as: "sae-a", method: "POST" });
  const revoked = await post("/api/v1/revocations", "op", { kind: "token", value: tokenSha256(token("sae-a")) });
  expect([revoked.status, await late]).toEqual([201, 401]);
});

test("a WebSocket that an agent opened ends with the agent", async () => {
  const naming = { "QKD-SAE": "sae-a2", "QKD-Node": "n1" };
  const ksid = await openTowards("agent-1", "sae-a2", {}, naming);
  const { first, ended } = await socketAs("agent-1", ksid, naming);
  expect(await first).toMatchObject({ index: 0 });
  await post("/api/v1/revocations", "op", { kind: "principal", value: "agent:agent-1" });
  expect(await ended).toBe(SOCKET_END.revoked.code);
});
