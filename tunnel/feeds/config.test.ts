import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { FeedSchema, FeedsSchema } from "./config.ts";

const common = { name: "f", link: "l", node: "n" };
const directory = { type: "directory", ...common, path: "/in", after: "delete" };
const command = { type: "command", ...common, program: "tool" };
const device = { type: "etsi014-device", ...common, role: "enc", url: "https://kme.example:8443", peer_sae: "b" };

describe("a feed's configuration", () => {
  test.each([directory, command, device])("needs no more than it must ($type)", (input) => {
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
  ])("is refused with the place of what is wrong (%#)", (input, place) => {
    const parsed = v.safeParse(FeedSchema, input);
    const said = (parsed.issues ?? []).map((issue) => `${v.getDotPath(issue)}: ${issue.message}`).join("; ");
    expect(said).toContain(place);
  });

  test.each(["http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost", "http://10.0.0.7:9000"])(
    "takes %s where loopback or listed",
    (url) => expect(v.is(FeedSchema, { ...device, url, plain_http: ["10.0.0.7"] })).toBe(true),
  );

  test("no two feeds have the same name: they would share a spool", () => {
    expect(v.is(FeedsSchema, [directory, { ...command, name: "g" }])).toBe(true);
    expect(v.safeParse(FeedsSchema, [directory, command]).issues?.[0].message).toBe("two feeds have the same name");
  });
});
