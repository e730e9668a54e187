import { SELF } from "cloudflare:test";
import { beforeAll, expect, it } from "vitest";
import { tokenSha256 } from "../../../shared/auth/token.ts";
import { call, EDGE, NETWORK, post, setUp, token } from "../../../test/support/in-workerd-network.ts";
import { bothOpen, closeAs, keyAs, openAs, told } from "../../../test/support/in-workerd-stream-routes.ts";

const cred = (who: string, more = {}) => [{ type: "token" as const, sha256: tokenSha256(token(who)), ...more }];
const NET = { ...NETWORK, saes: [...NETWORK.saes,
  { id: "sae-東京", node: "n1", credentials: cred("tokyo") },
  { id: "x".repeat(256), node: "n1", credentials: cred("long") },
  { id: "sae-t", node: "n1", credentials: cred("sae-t", { expires: new Date(Date.now() + 4000).toISOString() }) },
] };
beforeAll(async () => await setUp(4, NET));
const upgrade = async (ksid: string, as: string, more: Record<string, string> = {}) =>
  await SELF.fetch(`${EDGE}/api/v1/streams/${ksid}/ws`, { headers: { Upgrade: "websocket", Authorization: `Bearer ${token(as)}`, ...more } });
const listen = (r: Response, log: unknown[]) => {
  const socket = r.webSocket!;
  socket.addEventListener("message", ({ data }) => log.push((JSON.parse(String(data)) as {index: number}).index));
  socket.addEventListener("close", ({ code, reason }) => log.push([code, reason]));
  socket.accept();
  return socket;
};
const sleep = (ms: number) => new Promise((r) => setTimeout(r, ms));

it("S6 ids", async () => {
  for (const as of ["odd", "tokyo", "long"]) {
    const destination = as === "odd" ? "sae-a" : "sae-b";
    const o = await openAs(as, { destination });
    const ksid = String(o.body["key_stream_ID"]);
    const r = await upgrade(ksid, as);
    console.log("S6", as, o.http, r.status, r.webSocket ? "" : await r.text());
    r.webSocket?.accept(); r.webSocket?.close();
  }
});
it("S10 token expiry", async () => {
  const o = await openAs("sae-t", { destination: "sae-b" });
  const ksid = String(o.body["key_stream_ID"]);
  await openAs("sae-b", { destination: "sae-t", key_stream_ID: ksid });
  const log: unknown[] = [];
  const s = listen(await upgrade(ksid, "sae-t"), log);
  s.send('{"credits":1}');
  await sleep(5000);
  console.log("S10 http", (await post(`/api/v1/streams/${ksid}/get_key`, "sae-t", {})).status);
  s.send('{"credits":1}');
  await sleep(500);
  console.log("S10", JSON.stringify(log));
}, 20000);
it("S8 in flight", async () => {
  const ksid = await bothOpen({ Key_chunk_size: 32, Max_bps: 64, Timeout: 20000 });
  await keyAs("sae-a", ksid);
  const late = keyAs("sae-a", ksid);
  await sleep(300);
  console.log("S8 revoke", (await post("/api/v1/revocations", "op", { kind: "token", value: tokenSha256(token("sae-a")) })).status);
  const t = Date.now();
  const got = await late;
  console.log("S8", Date.now() - t, got.http, "Key_buffer" in got.body);
}, 30000);
it("S7 agent", async () => {
  const as = { "QKD-SAE": "sae-a2", "QKD-Node": "n1" };
  const o = await told(await post("/api/v1/streams", "agent-1", { destination: "sae-b" }, as));
  const ksid = String(o.body["key_stream_ID"]);
  await openAs("sae-b", { destination: "sae-a2", key_stream_ID: ksid });
  const log: unknown[] = [];
  const s = listen(await upgrade(ksid, "agent-1", as), log);
  s.send('{"credits":1}');
  await sleep(500);
  await post("/api/v1/revocations", "op", { kind: "principal", value: "agent:agent-1" });
  await sleep(2500);
  console.log("S7 http", (await post(`/api/v1/streams/${ksid}/get_key`, "agent-1", {}, as)).status);
  s.send('{"credits":1}');
  await sleep(500);
  console.log("S7", JSON.stringify(log));
}, 20000);
