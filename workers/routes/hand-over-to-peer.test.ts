import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { call, container, type Container, NETWORK, post, setUp, token } from "../../test/support/in-workerd-network.ts";
import type { Env } from "../env.ts";

const objects = env as unknown as Env;
const credentials = (id: string) => [{ type: "token" as const, sha256: tokenSha256(token(id)) }];
/** At n1: kms-s answers at once, kms-c calls back; kms-n is handed nothing. */
beforeAll(
  async () =>
    await setUp(2, {
      ...NETWORK,
      kms_peers: [
        { id: "kms-s", node: "n1", saes: ["sae-s"], credentials: credentials("kms-s"), url: "https://kms-s.test/" },
        {
          id: "kms-c",
          node: "n1",
          saes: ["sae-c"],
          credentials: credentials("kms-c"),
          url: "https://kms-c.test",
          ack_url: "https://edge.test/kmapi/v1/ext_keys/ack",
          form: "key_id_container",
        },
        { id: "kms-n", node: "n1", saes: ["sae-n"], credentials: credentials("kms-n") },
      ],
    }),
);

interface Told {
  readonly keys: { key_id: string; value: string }[];
  readonly key_ids: unknown[];
  readonly initiator_sae_id: string;
  readonly target_sae_ids: string[];
  readonly ack_callback_url?: string;
}
type Answer = (told: Told) => Response | Promise<Response>;

/** What the KMS of the other side was told, by path. */
let heard: { url: string; told: Told }[] = [];
let answer: Answer;
beforeEach(() => {
  heard = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (url, init) => {
    const told = JSON.parse(init?.body as string) as Told;
    heard.push({ url: url as string, told });
    return await answer(told);
  });
});
afterEach(() => vi.restoreAllMocks());

const acksOf = ({ keys, initiator_sae_id: initiator, target_sae_ids: targets }: Told, status = "relayed") => [
  {
    key_ids: keys.map(({ key_id }) => ({ key_id })),
    ack_status: status,
    initiator_sae_id: initiator,
    target_sae_id: targets[0],
  },
];
const relays: Answer = (told) => Response.json(acksOf(told));
const enc = async (slave: string, as: string, body: object = {}) =>
  await post(`/api/v1/keys/${slave}/enc_keys`, as, body);
// oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
const peerObject = (id: string): any => objects.KMS_PEER.getByName(id);
const ofPeer = (keys: Container["keys"]) => keys.map(({ key_ID, key }) => ({ key_id: key_ID, value: key }));
const ledger = async () => {
  const status = await call("/api/v1/links/n1-n2", { as: "op" });
  const { pool } = await status.json<{ pool: { conserved: boolean; ledger_bits: Record<string, number> } }>();
  expect(pool.conserved).toBe(true);
  return pool.ledger_bits;
};

describe("synchronous", () => {
  test("the master gets what the other KMS has acknowledged; the keys wait for nobody here", async () => {
    answer = relays;
    const before = await ledger();
    const { keys } = await container(await enc("sae-s", "sae-b", { number: 3, size: 128 }));
    expect(heard).toEqual([
      {
        url: "https://kms-s.test/kmapi/v1/ext_keys",
        told: { keys: ofPeer(keys), initiator_sae_id: "sae-b", target_sae_ids: ["sae-s"] },
      },
    ]);
    const after = await ledger();
    expect([after["delivered"], after["pending"]]).toEqual([(before["delivered"] ?? 0) + 3 * 128, before["pending"]]);
    const local = await container(await enc("sae-s", "sae-a"));
    expect(heard[1]?.told.keys).toEqual(ofPeer(local.keys));
  });

  test.each<[string, Answer]>([
    ["says that it failed", (told) => Response.json(acksOf(told, "failed"))],
    ["acknowledges some keys only", (told) => Response.json(acksOf({ ...told, keys: told.keys.slice(1) }))],
    ["acknowledges another target", (told) => Response.json(acksOf({ ...told, target_sae_ids: ["sae-q"] }))],
    ["acknowledges nothing", () => Response.json([])],
    ["answers something else", () => new Response("<html>")],
    ["refuses", () => new Response(null, { status: 400 })],
    ["redirects", () => new Response(null, { status: 302, headers: { Location: "https://elsewhere.test" } })],
    ["cannot be reached", async () => await Promise.reject(new Error("no route"))],
  ])("where it %s, the master gets 503, and the keys are taken back", async (_, bad) => {
    answer = bad;
    const refused = await enc("sae-s", "sae-b", { number: 2 });
    expect([refused.status, refused.headers.has("Retry-After")]).toEqual([503, true]);
    const said = await refused.text();
    for (const { value } of heard[0]?.told.keys ?? []) expect(said).not.toContain(value);
    answer = () => Response.json([]);
    while (heard.length < 2) await runDurableObjectAlarm(peerObject("kms-s"));
    expect(heard[1]).toEqual({
      url: "https://kms-s.test/kmapi/v1/ext_keys/void",
      told: {
        key_ids: heard[0]?.told.keys.map(({ key_id }) => ({ key_id })),
        initiator_sae_id: "sae-b",
        target_sae_ids: ["sae-s"],
      },
    });
    expect((await ledger())["pending"]).toBe(0);
  });

  test("no key value is kept in the object's storage", async () => {
    answer = relays;
    await container(await enc("sae-s", "sae-a"));
    const rows = await runInDurableObject(peerObject("kms-s"), (_, state: DurableObjectState) =>
      state.storage.sql.exec("SELECT count(*) AS n FROM hand_over").one(),
    );
    expect(rows).toEqual({ n: 0 });
  });
});

/** An acknowledgement by the callback. */
const back = async (acks: unknown, as = "kms-c") => await post("/kmapi/v1/ext_keys/ack", as, acks);

describe("asynchronous", () => {
  test("the master waits for the callback, of that KMS and of all keys", async () => {
    answer = async (told) => {
      const [whole] = acksOf(told);
      const { key_ids: ids = [], ...rest } = whole ?? {};
      void (async () => {
        // Another KMS's word counts for nothing.
        expect((await back([{ ...whole, ack_status: "failed" }], "kms-s")).status).toBe(200);
        expect((await back([{ ...rest, key_id_container: ids.slice(0, 1) }])).status).toBe(200);
        expect((await back([{ ...rest, key_id_container: ids.slice(1) }])).status).toBe(200);
      })();
      return new Response("{}", { status: 202 });
    };
    const { keys } = await container(await enc("sae-c", "sae-b", { number: 2 }));
    expect(heard[0]?.told).toMatchObject({
      keys: ofPeer(keys),
      ack_callback_url: "https://edge.test/kmapi/v1/ext_keys/ack",
    });
    expect(heard).toHaveLength(1);
  });

  test("a late acknowledgement brings nothing back; void is told in the peer's form", async () => {
    answer = async (told) => {
      void back(acksOf(told, "failed"));
      return new Response("{}", { status: 202 });
    };
    expect((await enc("sae-c", "sae-b")).status).toBe(503);
    const { told } = heard[0] as { told: Told };
    expect((await back(acksOf(told))).status).toBe(200);
    answer = () => new Response("{}", { status: 202 });
    while (heard.length < 2) await runDurableObjectAlarm(peerObject("kms-c"));
    expect(heard[1]?.told.key_ids).toEqual(told.keys.map(({ key_id }) => key_id));
  });

  test("what is not acknowledged in time is taken back, and stays so", async () => {
    const { promise: posted, resolve } = Promise.withResolvers<void>();
    answer = () => {
      resolve();
      return new Response("{}", { status: 202 });
    };
    const waiting = enc("sae-c", "sae-b");
    await posted;
    // As an instance finds it that has lost who was at it.
    await runInDurableObject(peerObject("kms-c"), (_, state: DurableObjectState) =>
      state.storage.sql.exec("UPDATE hand_over SET ends_ms = 1"),
    );
    while (heard.length < 2) await runDurableObjectAlarm(peerObject("kms-c"));
    expect(heard[1]?.url).toBe("https://kms-c.test/kmapi/v1/ext_keys/void");
    await back(acksOf((heard[0] as { told: Told }).told));
    expect((await waiting).status).toBe(503);
  });

  test("acknowledgements are read in either form, and nothing else is", async () => {
    expect((await back([])).status).toBe(200);
    for (const bad of [{}, [{}], [{ ...acksOf({ keys: [], target_sae_ids: [] } as unknown as Told)[0] }], "no"]) {
      expect((await back(bad)).status).toBe(400);
    }
    expect((await back([], "sae-a")).status).toBe(403);
  });
});

test("an SAE behind a KMS that is handed nothing gets no keys, and none with others", async () => {
  const bits = await ledger();
  expect((await enc("sae-n", "sae-b")).status).toBe(400);
  expect((await enc("sae-s", "sae-b", { additional_slave_SAE_IDs: ["sae-a"] })).status).toBe(400);
  expect((await enc("sae-a", "sae-b", { additional_slave_SAE_IDs: ["sae-s"] })).status).toBe(400);
  expect(heard).toEqual([]);
  expect(await ledger()).toEqual(bits);
  expect((await call("/api/v1/keys/sae-s/status", { as: "sae-b" })).status).toBe(200);
});
