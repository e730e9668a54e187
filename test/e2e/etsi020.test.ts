/** A KMS of another vendor beside tn-2: keys over HTTP both ways, with the engine as `npm start` runs it. */
import { createServer, type IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { listenLocally, portOf } from "../support/listen-locally.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

const [TOKEN, OURS] = ["token-of-the-other-kms-in-this-test", "what-we-show-to-the-other-kms"];
interface Heard {
  readonly path: string | undefined;
  readonly authorization: string | undefined;
  readonly body: unknown;
}
const heard: Heard[] = [];
let arrived = Promise.withResolvers<void>();

/** It relays whatever it is handed, and says so at once. */
const kms = createServer((request, response) => {
  void answer(request).then((acks) => response.writeHead(200, { "Content-Type": "application/json" }).end(acks));
});

interface HandedOver {
  readonly keys: readonly { readonly key_id: string }[];
  readonly initiator_sae_id: string;
  readonly target_sae_ids: readonly string[];
}
async function answer(request: IncomingMessage): Promise<string> {
  const body = await json(request);
  heard.push({ path: request.url, authorization: request.headers.authorization, body });
  arrived.resolve();
  if (request.url !== "/kmapi/v1/ext_keys") return "{}";
  const { keys, ...parties } = body as HandedOver;
  return JSON.stringify([
    { key_id_container: keys.map(({ key_id: id }) => ({ key_id: id })), ack_status: "relayed", ...parties },
  ]);
}

let network: RunningNetwork;
beforeAll(async () => {
  const host = `127.0.0.1:${await listenLocally(kms)}`;
  process.env["QKD_KMS_PEER_TOKEN_KMS_X"] = OURS;
  network = await runNetwork({
    args: ["--prefill", "1"],
    network: (demo) => ({
      ...demo,
      kms_peers: [
        {
          id: "kms-x",
          node: "tn-2",
          saes: ["sae-x"],
          credentials: [{ type: "token", sha256: tokenSha256(TOKEN) }],
          callback_hosts: [host],
          url: `http://${host}`,
        },
      ],
    }),
  });
});
afterAll(async () => {
  delete process.env["QKD_KMS_PEER_TOKEN_KMS_X"];
  await network.stop();
  kms.close();
});

const asKms = async (path: string, body: object) =>
  await fetch(`${network.edge}/kmapi${path}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${TOKEN}` },
    body: JSON.stringify(body),
  });

test("keys that it hands over are fetched at another node, and acknowledged at its callback", async () => {
  const keys = [{ key_id: crypto.randomUUID(), value: Buffer.from("0123456789abcdef").toString("base64") }];
  const { host } = new URL(`http://127.0.0.1:${portOf(kms)}`);
  arrived = Promise.withResolvers();
  const parties = { initiator_sae_id: "sae-x", target_sae_ids: ["sae-a"] };
  const taken = await asKms("/v1/ext_keys", { keys, ...parties, ack_callback_url: `http://${host}/acks` });
  expect([taken.status, await taken.text()]).toEqual([202, "{}"]);
  await arrived.promise;
  expect(heard[0]).toMatchObject({
    path: "/acks",
    authorization: `Bearer ${OURS}`,
    body: [{ ack_status: "relayed", target_sae_id: "sae-a", key_ids: [{ key_id: keys[0]?.key_id }] }],
  });
  const fetched = await network.request("tn-1", "sae-a", `/api/v1/keys/sae-x/dec_keys?key_ID=${keys[0]?.key_id}`);
  expect(JSON.parse(fetched.body)).toEqual({ keys: [{ key_ID: keys[0]?.key_id, key: keys[0]?.value }] });
});

test("keys for an SAE behind it are its own before the master has them", async () => {
  heard.length = 0;
  const given = await network.request("tn-1", "sae-a", "/api/v1/keys/sae-x/enc_keys?number=2");
  const { keys } = JSON.parse(given.body) as { keys: { key_ID: string; key: string }[] };
  expect(heard).toEqual([
    {
      path: "/kmapi/v1/ext_keys",
      authorization: `Bearer ${OURS}`,
      body: {
        keys: keys.map(({ key_ID, key }) => ({ key_id: key_ID, value: key })),
        initiator_sae_id: "sae-a",
        target_sae_ids: ["sae-x"],
      },
    },
  ]);
});
