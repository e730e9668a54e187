import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { FeedSchema, FeedsSchema } from "./config.ts";

const common = { name: "f", link: "l", node: "n" };
const directory = { type: "directory", ...common, path: "/in", after: "delete" };
const command = { type: "command", ...common, program: "tool" };
const device = { type: "etsi014-device", ...common, role: "enc", url: "https://kme.example:8443", peer_sae: "b" };
const sender = {
  type: "qkd-module",
  ...common,
  role: "sender",
  sim: "bb84",
  listen: "127.0.0.1:7000",
  peer_public_key: "as-told",
};
const { listen: _, ...receiver } = { ...sender, role: "receiver", connect: "[::1]:7001" };
const byFile = { peer_public_key: undefined, peer_public_key_file: "peer.hex" };

describe("a feed's configuration", () => {
  test.each([directory, command, device, sender, receiver])("needs no more than it must ($type)", (input) => {
    expect(v.parse(FeedSchema, input)).toMatchObject({ spool_blocks: 4096, pushes: 4 });
  });

  test.each([
    [{ ...directory, nod: "n" }, "nod"],
    [{ ...directory, type: "folder" }, "type"],
    [{ ...directory, name: "../x" }, "name"],
    [{ ...directory, after: "move" }, "done_path goes with"],
    [{ ...directory, done_path: "/done" }, "done_path goes with"],
    [{ ...directory, complete: "size" }, "file_bytes goes with"],
    [{ ...directory, file_bytes: 5 }, "file_bytes goes with"],
    [{ ...directory, poll_ms: 0 }, "poll_ms"],
    [{ ...directory, spool_bytes: 100 }, "spool_bytes"],
    [{ ...command, args: "a b" }, "args"],
    [{ ...command, block_bytes: 2 ** 21 }, "block_bytes"],
    [{ ...device, role: "master" }, "role"],
    [{ ...device, cert: "a.crt" }, "cert and key go together"],
    [{ ...device, key_size_bits: 260 }, "multiple of 8"],
    [{ ...device, keys_per_block: 4096, key_size_bits: 4096 }, "the most a block may have"],
    [{ ...device, url: "http://192.168.2.1:9000" }, "without TLS only to loopback"],
    [{ ...device, url: "ftp://127.0.0.1" }, "without TLS only to loopback"],
    [{ ...device, url: "kme" }, "url"],
    [{ ...sender, role: "alice" }, "role"],
    [{ ...sender, sim: "e91" }, "sim"],
    [{ ...sender, listen: "7000" }, "listen: shall be an address and a port"],
    [{ ...sender, listen: "127.0.0.1:70000" }, "listen: shall be an address and a port"],
    [{ ...sender, role: "receiver" }, "listen goes with"],
    [{ ...sender, connect: "127.0.0.1:7000" }, "connect goes with"],
    [{ ...sender, peer_public_key: undefined }, "either peer_public_key_file"],
    [{ ...sender, peer_public_key: "00".repeat(32) }, "peer_public_key: shall be as-told"],
    [{ ...sender, peer_public_key_file: "peer.hex" }, "either peer_public_key_file"],
    [{ ...sender, ...byFile, listen: "192.168.2.10:7000" }, "needs allow"],
    [{ ...receiver, ...byFile, connect: "192.168.2.10:7000", allow: ["192.168.3.0/24"] }, "needs allow"],
    [{ ...sender, listen: "192.168.2.10:7000", allow: ["192.168.3.10"] }, "nobody vouches"],
    [{ ...sender, allow: ["everybody"] }, "allow.0: shall be an address or a network"],
    [{ ...sender, key_basis_detections: 10 }, "key_basis_detections"],
    [
      {
        ...sender,
        intensities: [
          { mean_photons: 0.2, probability: 0.5 },
          { mean_photons: 0.5, probability: 0.5 },
        ],
      },
      "the signal must be brighter",
    ],
  ])("is refused with the place of what is wrong (%#)", (input, place) => {
    const parsed = v.safeParse(FeedSchema, input);
    const said = (parsed.issues ?? []).map((issue) => `${v.getDotPath(issue)}: ${issue.message}`).join("; ");
    expect(said).toContain(place);
  });

  test.each(["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost", "http://10.0.0.7:9000"])(
    "takes %s where loopback or listed",
    (url) => expect(v.is(FeedSchema, { ...device, url, plain_http: ["10.0.0.7"] })).toBe(true),
  );

  test("modules meet on the local network where the addresses are listed and the keys known", () => {
    const [listen, connect] = ["192.168.2.10:7000", "192.168.3.10:7000"];
    expect(v.is(FeedSchema, { ...sender, ...byFile, listen, allow: ["192.168.3.10"] })).toBe(true);
    expect(v.is(FeedSchema, { ...receiver, ...byFile, connect, allow: ["192.168.3.0/24"] })).toBe(true);
  });

  test("no two feeds have the same name: they would share a spool", () => {
    expect(v.is(FeedsSchema, [directory, { ...command, name: "g" }])).toBe(true);
    expect(v.safeParse(FeedsSchema, [directory, command]).issues?.[0].message).toBe("two feeds have the same name");
  });
});
