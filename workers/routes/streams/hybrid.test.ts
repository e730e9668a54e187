/** `hybrid://` addresses at every binding that the edge serves: hybrid key, or a named refusal; never QKD key alone. */
import { beforeAll, describe, expect, test } from "vitest";
import { NODE_UUIDS, post, setUp } from "../../../test/support/in-workerd-network.ts";
import { closeAs, keyAs, openAs, told } from "../../../test/support/in-workerd-stream-routes.ts";

beforeAll(async () => await setUp());

const between = (query: string, other = query) => ({
  source: `hybrid://SPI_1@${NODE_UUIDS.n1}${query}`,
  destination: `hybrid://SPI_1@${NODE_UUIDS.n2}${other}`,
});
const HYBRID = between("?key_sources=ML-KEM-768,QKD");
const QOS = { Key_chunk_size: 32, Timeout: 20_000 };

describe("/api/v1/streams", () => {
  test.each([
    ["sae-a", "sae-b"],
    ["sae-b", "sae-a"],
  ])("%s first: both have the same key, and metadata says of what", async (first, second) => {
    const key_stream_ID = crypto.randomUUID();
    const opened = await Promise.all(
      [first, second].map(async (as) => await openAs(as, { ...HYBRID, key_stream_ID, QOS })),
    );
    for (const { http, body } of opened) expect([http, body["status"]]).toEqual([200, 0]);
    const keys = await Promise.all(
      [first, second].map(async (as) => await keyAs(as, key_stream_ID, { index: 0, Metadata_size: 1024 })),
    );
    expect(keys[0]?.body["Key_buffer"]).toBe(keys[1]?.body["Key_buffer"]);
    for (const { body } of keys) {
      expect(JSON.parse(String(body["Metadata"]))).toMatchObject({
        hops: 0,
        method: "qkdedge-hkdf-v1",
        sources: ["ML-KEM-768", "QKD"],
        confirmed: true,
        kem: "edge",
      });
    }
    for (const as of [first, second]) expect((await closeAs(as, key_stream_ID)).http).toBe(200);
  });

  test.each([
    [between("?hybridization=rot13&key_sources=QKD"), /^unknown-method: /],
    [between("?hybridization=xoring&key_sources=ML-KEM-1024,QKD"), /^method-not-here: hybridization: xoring/],
    [between("?key_sources=QKD,ML-KEM-999"), /^unknown-kem: /],
    [between("?key_sources=QKD,Classic-McEliece-8192128"), /^kem-not-here: .*needs an agent \(kem=agent\)$/],
    [between("?key_sources=ML-KEM-768"), /^kem-not-here: /],
    [between("?kem=agent&key_sources=QKD,ML-KEM-768"), /^kem-not-here: kem: agent/],
    [between("?key_sources=QKD,ML-KEM-768", "?key_sources=QKD"), /^uris-differ: /],
    [between(""), /^no-sources: /],
    [{ source: "sae-a", destination: HYBRID.destination }, /^not-hybrid: /],
    [{ source: HYBRID.source, destination: "sae-b" }, /^not-hybrid: /],
    [{ destination: HYBRID.destination }, /^bad-uri: /],
    [{ source: HYBRID.source, destination: HYBRID.source }, /^bad-uri: /],
    [
      {
        source: HYBRID.source,
        destination: `hybrid://x@cccccccc-cccc-cccc-cccc-cccccccccccc?key_sources=QKD,ML-KEM-768`,
      },
      /^destination: means no SAE/,
    ],
  ])("%j is refused by name", async (addresses, told_) => {
    const { http, body } = await openAs("sae-a", { ...addresses, QOS });
    expect(http).not.toBe(200);
    expect(body["message"]).toMatch(told_);
  });

  test("addresses of nodes that are not the stream's", async () => {
    const elsewhere = { source: `hybrid://x@${NODE_UUIDS.n1}?key_sources=QKD`, destination: HYBRID.destination };
    const { http, body } = await openAs("sae-d", { ...elsewhere, destination: elsewhere.source });
    expect([http, body["message"]]).toEqual([400, expect.stringMatching(/^bad-uri: /)]);
    const third = await openAs("sae-d", { ...between("?key_sources=QKD,ML-KEM-768") });
    expect([third.http, third.body["message"]]).toEqual([400, expect.stringMatching(/^bad-uri: node: /)]);
  });

  test("the second end with other addresses: 409, uris-differ", async () => {
    const opened = await openAs("sae-a", { ...HYBRID, QOS });
    const key_stream_ID = String(opened.body["key_stream_ID"]);
    const other = between("?key_sources=ML-KEM-512,QKD");
    const { http, body } = await openAs("sae-b", { ...other, key_stream_ID });
    expect([http, body["message"]]).toEqual([409, expect.stringMatching(/^uris-differ: key_sources: /)]);
    const plain = await openAs("sae-b", { destination: "sae-a", key_stream_ID });
    expect([plain.http, plain.body["message"]]).toEqual([409, expect.stringMatching(/^uris-differ: /)]);
    expect((await openAs("sae-b", { ...HYBRID, key_stream_ID })).body).toMatchObject({ status: 0 });
  });
});

const action = async (name: string, as: string, body: object) =>
  await told(await post(`/api/v1/qkdm/actions/${name}`, as, body));

describe("qkd-module's bindings", () => {
  test("1.0: hybrid key at both ends, and refusals", async () => {
    const key_stream_ID = crypto.randomUUID();
    const open = { ...HYBRID, key_stream_ID, qos_parameters: { key_chunk_size: 32 } };
    for (const as of ["sae-a", "sae-b"]) expect((await action("open_connect", as, open)).http).toBe(200);
    const [a, b] = await Promise.all(
      ["sae-a", "sae-b"].map(async (as) => await action("get_key", as, { key_stream_ID, indexes: [0, 1] })),
    );
    expect(a?.http).toBe(200);
    expect(a).toEqual(b);
    const refused = {
      ...between("?hybridization=xoring&key_sources=QKD,ML-KEM-768"),
      key_stream_ID: crypto.randomUUID(),
    };
    expect((await action("open_connect", "sae-a", refused)).http).toBe(400);
  });

  test("0.9: refused in its own words", async () => {
    const literal = `{"key_stream_ID": None, "source": "${HYBRID.source}", "destination": "sae-b", "qos": {"length": 256}}`;
    const answer = await post("/open_connect", "sae-a", literal);
    expect(answer.status).not.toBe(200);
    await answer.text();
  });
});
