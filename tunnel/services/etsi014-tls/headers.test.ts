import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { towardsClient, towardsEdge } from "./headers.ts";

const FORGED = [
  "cf-connecting-ip",
  "x-cf-blob",
  "mf-cf-blob",
  "qkd-node",
  "qkd-sae",
  "client-cert",
  "client-cert-chain",
  "authorization",
  "cookie",
  "x-request-id",
];

describe("headers across the front", () => {
  it("lets nothing through that could tell another caller, in whatever case", () => {
    const anyCase = fc
      .constantFrom(...FORGED)
      .chain((name) =>
        fc
          .array(fc.boolean(), { minLength: name.length, maxLength: name.length })
          .map((upper) => upper.map((up, i) => (up ? name.charAt(i).toUpperCase() : name.charAt(i))).join("")),
      );
    fc.assert(
      fc.property(fc.array(anyCase), (names) => {
        const raw = names.flatMap((name) => [name, "forged"]);
        expect(towardsEdge(["Host", "x", ...raw, "Accept", "*/*"], null)).toEqual(["Host", "x", "Accept", "*/*"]);
      }),
    );
  });

  it("drops what Connection lists, but not what frames the message", () => {
    const raw = ["Host", "x", "Connection", "X-Once, content-length , host", "X-Once", "1", "Content-Length", "3"];
    expect(towardsEdge(raw, null)).toEqual(["Host", "x", "Content-Length", "3"]);
    expect(towardsClient(["Connection", "close, X-Once", "X-Once", "1", "Retry-After", "1"])).toEqual([
      "Retry-After",
      "1",
    ]);
  });

  it("frames a chunked body again, and calls a remote edge by its own name", () => {
    expect(towardsEdge(["Host", "kme", "Transfer-Encoding", "chunked"], "edge:1")).toEqual([
      "Host",
      "edge:1",
      "Transfer-Encoding",
      "chunked",
    ]);
  });
});
