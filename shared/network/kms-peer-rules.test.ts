import { describe, expect, it } from "vitest";
import { remoteNode, twoNodes } from "../../test/support/network-document.ts";
import type { NetworkDocumentInput } from "./document.ts";
import { validateNetwork } from "./validate.ts";

type PeerInput = NonNullable<NetworkDocumentInput["kms_peers"]>[number];
const peer = (more: Partial<PeerInput> = {}): PeerInput => ({
  id: "kms-x",
  node: "tn-1",
  credentials: [{ type: "token", sha256: "1".repeat(64) }],
  saes: ["x"],
  ...more,
});
function faultsOf(peers: PeerInput[], more: Partial<NetworkDocumentInput> = {}) {
  const result = validateNetwork({ ...twoNodes(more), kms_peers: peers });
  return result.ok ? [] : (result.error.details ?? []).map(({ pointer, message }) => [pointer, message]);
}

describe("a KMS of others", () => {
  it("is taken with all it may have, and with defaults for the rest", () => {
    const whole = {
      callback_hosts: ["kms.example:8443"],
      via: { site: "tn-1", service: "kms" },
      form: "key_id_container",
    };
    expect(faultsOf([peer(whole as Partial<PeerInput>)])).toEqual([]);
    const result = validateNetwork({ ...twoNodes(), kms_peers: [peer()] });
    expect(result.ok && result.value.kms_peers).toEqual([{ ...peer(), callback_hosts: [], form: "key_id" }]);
  });

  it("sits at a node that is hosted here", () => {
    expect(faultsOf([peer({ node: "nowhere" })])).toEqual([["/kms_peers/0/node", "no node has the id nowhere"]]);
    const nodes = [{ id: "tn-1" }, { id: "tn-2" }, remoteNode("far")];
    expect(faultsOf([peer({ node: "far" })], { nodes })).toEqual([["/kms_peers/0/node", "far is hosted elsewhere"]]);
  });

  it("serves SAEs that nobody else does", () => {
    const nodes = [{ id: "tn-1" }, { id: "tn-2" }, remoteNode("far", { saes: ["r"] })];
    const credentials: PeerInput["credentials"] = [];
    const peers = [peer({ saes: ["a", "x", "r", "x"] }), peer({ id: "kms-y", saes: ["x"], credentials })];
    expect(faultsOf(peers, { nodes })).toEqual([
      ["/kms_peers/0/saes/0", "the same SAE as /saes/0"],
      ["/kms_peers/0/saes/2", "the same SAE as /nodes/2/remote/saes/0"],
      ["/kms_peers/0/saes/3", "the same SAE as /kms_peers/0/saes/1"],
      ["/kms_peers/1/saes/0", "the same SAE as /kms_peers/0/saes/1"],
    ]);
  });

  it("has an id and credentials of its own", () => {
    expect(faultsOf([peer(), peer({ id: "KMS.x", saes: [], credentials: [] })])).toEqual([
      ["/kms_peers/1/id", "the same letters and digits as /kms_peers/0"],
    ]);
    const operators: NetworkDocumentInput["operators"] = [{ id: "op", credentials: peer().credentials }];
    expect(faultsOf([peer()], { operators })).toEqual([
      ["/kms_peers/0/credentials/0/sha256", expect.stringContaining("the same token")],
    ]);
  });

  it("has callback hosts as URLs have them, and a tunnel service of a site that is there", () => {
    const faults = faultsOf([
      peer({ callback_hosts: ["ok.example", "https://x"], via: { site: "s", service: "kms" } }),
    ]);
    expect(faults.map(([pointer]) => pointer)).toEqual(["/kms_peers/0/callback_hosts/1", "/kms_peers/0/via/site"]);
  });

  it("is reached by https, and called back where it is handed something", () => {
    expect(faultsOf([peer({ url: "https://kms.example:8443/", ack_url: "http://127.0.0.1:8787/ack" })])).toEqual([]);
    const faults = faultsOf([
      peer({ url: "http://kms.example" }),
      peer({ id: "kms-y", saes: [], credentials: [], ack_url: "https://edge.example/ack" }),
    ]);
    expect(faults.map(([pointer]) => pointer)).toEqual(["/kms_peers/0/url", "/kms_peers/1/ack_url"]);
  });
});
