/** Rules of a network document about key management systems of others at nodes of ours. */
import { isHost } from "../etsi020/callback.ts";
import { secretNameOf } from "../etsi020/secret-name.ts";
import type { PointerFault } from "./directory-types.ts";
import { urlProblem } from "./remote-rules.ts";
import { repeated, type Sections, unknownNode } from "./rule-parts.ts";

export const kmsPeerRules = [
  (s: Sections) => repeated(s.kmsPeers, "id", ({ id }) => secretNameOf(id), "the same letters and digits"),
  atHostedNodes,
  peerSaes,
  callbackHosts,
  viaSites,
  urls,
] as const;

/** Keys that it hands over lie in pools of its node: this deployment's. */
function atHostedNodes(sections: Sections): PointerFault[] {
  const elsewhere = new Set(
    sections.nodes.filter(({ value }) => value.remote !== undefined).map(({ value }) => value.id),
  );
  return sections.kmsPeers.flatMap(({ pointer, value: { node } }) => [
    ...unknownNode(pointer, "node", node, sections),
    ...(elsewhere.has(node) ? [{ pointer: `${pointer}/node`, message: `${node} is hosted elsewhere` }] : []),
  ]);
}

/** An SAE is behind one KMS: who could speak for another's would hand over keys in its name. */
function peerSaes({ nodes, saes, kmsPeers }: Sections): PointerFault[] {
  const first = new Map([
    ...nodes.flatMap(({ pointer, value }) =>
      (value.remote?.saes ?? []).map((sae, index) => [sae, `${pointer}/remote/saes/${index}`] as const),
    ),
    ...saes.map(({ pointer, value }) => [value.id, pointer] as const),
  ]);
  return kmsPeers.flatMap(({ pointer, value }) =>
    value.saes.flatMap((sae, index) => {
      const at = `${pointer}/saes/${index}`;
      const earlier = first.get(sae);
      if (earlier === undefined) first.set(sae, at);
      return earlier === undefined ? [] : [{ pointer: at, message: `the same SAE as ${earlier}` }];
    }),
  );
}

function callbackHosts({ kmsPeers }: Sections): PointerFault[] {
  const message = "shall be a host in lower case, with a port where it is not the scheme's own: kms.example:8443";
  return kmsPeers.flatMap(({ pointer, value }) =>
    value.callback_hosts.flatMap((host, index) =>
      isHost(host) ? [] : [{ pointer: `${pointer}/callback_hosts/${index}`, message }],
    ),
  );
}

function viaSites({ kmsPeers, nodesTold, sites }: Sections): PointerFault[] {
  return kmsPeers.flatMap(({ pointer, value: { via } }) =>
    via === undefined || !nodesTold || sites.has(via.site)
      ? []
      : [{ pointer: `${pointer}/via/site`, message: `no node is at the site ${via.site}` }],
  );
}

function urls({ kmsPeers }: Sections): PointerFault[] {
  return kmsPeers.flatMap(({ pointer, value }) => {
    const faults = (["url", "ack_url"] as const).flatMap((member) => {
      const problem = value[member] === undefined ? null : urlProblem(value[member]);
      return problem === null ? [] : [{ pointer: `${pointer}/${member}`, message: problem }];
    });
    const isAlone = value.ack_url !== undefined && value.url === undefined;
    return isAlone ? [...faults, { pointer: `${pointer}/ack_url`, message: "is for what goes to url" }] : faults;
  });
}
