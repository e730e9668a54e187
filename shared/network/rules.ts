/** What must hold across the parts of a network document. Each rule tells all it finds. */
import { BOOTSTRAP_OPERATOR, isAction, STARTER_OPERATOR } from "../auth/policy.ts";
import { LIMITS } from "../limits.ts";
import type { PointerFault } from "./directory-types.ts";
import { CONDITIONING_SEED_WORDS, type Credential, type NetworkDocument, type NodeEntry } from "./document.ts";
import { certificateKey, kmeIdOf, pairOfLink, revocationKey } from "./lookup.ts";
import { moduleProblem } from "../qkd-module/settings.ts";
import { hasModules } from "./module-config.ts";
import { ipsecRules } from "./ipsec-rules.ts";
import { kmsPeerRules } from "./kms-peer-rules.ts";
import { kmsUserRules } from "./kms-user-rules.ts";
import { legacyRules } from "./legacy-rules.ts";
import {
  hostingKept,
  multipathPairs,
  pathsThereAre,
  relayFloor,
  remoteLinks,
  remoteNodes,
  remoteSaes,
  someHosted,
} from "./remote-rules.ts";
import { DEPLOYMENT_LOG } from "./reserved.ts";
import { type Entry, type InForce, repeated, type Sections, unknownNode } from "./rule-parts.ts";
import { webhookRules } from "./webhook-rules.ts";

type Rule = (sections: Sections, inForce: InForce) => Iterable<PointerFault>;

export const RULES: readonly Rule[] = [
  (s) => repeated(s.nodes, "id", (node) => node.id),
  (s) => repeated(s.nodes, "uuid", (node) => node.uuid),
  kmeIds,
  (s) => repeated(s.links, "id", (link) => link.id),
  (s) => repeated(s.saes, "id", (sae) => sae.id),
  addresses,
  (s) => repeated(s.agents, "id", (agent) => agent.id),
  (s) => repeated(s.controllers, "id", (controller) => controller.id),
  (s) => repeated(s.operators, "id", (operator) => operator.id),
  reservedIds,
  linkEnds,
  (s) => repeated(s.links, "nodes", pairOfLink, "another link joins these two nodes"),
  (s) => s.saes.flatMap((sae) => unknownNode(sae.pointer, "node", sae.value.node, s)),
  conditioningSeeds,
  linkModules,
  agentSites,
  credentialForms,
  credentialOwners,
  keySizes,
  poolMarks,
  containerSize,
  quotaEntries,
  remoteNodes,
  someHosted,
  remoteSaes,
  remoteLinks,
  multipathPairs,
  pathsThereAre,
  relayFloor,
  ...kmsPeerRules,
  ...kmsUserRules,
  ...legacyRules,
  ...ipsecRules,
  ...webhookRules,
  operatorLeft,
  shardsKept,
  hostingKept,
];

/** A node without `kme_id` goes by its id; two that both do are told as having the same id. */
function kmeIds({ nodes }: Sections): PointerFault[] {
  const first = new Map<string, Entry<NodeEntry>>();
  return nodes.flatMap((entry) => {
    const kmeId = kmeIdOf(entry.value);
    const earlier = first.get(kmeId);
    if (earlier === undefined) first.set(kmeId, entry);
    const own = entry.value.kme_id !== undefined;
    if (earlier === undefined || (!own && earlier.value.kme_id === undefined)) return [];
    return own
      ? [{ pointer: `${entry.pointer}/kme_id`, message: `the same KME ID as ${earlier.pointer}` }]
      : [{ pointer: `${entry.pointer}/id`, message: `the same as the kme_id of ${earlier.pointer}` }];
  });
}

/** An address means one SAE; one that is the id of another would never be looked at. */
function addresses({ nodes, saes }: Sections): PointerFault[] {
  const owners = new Map([
    ...nodes.flatMap(({ pointer, value }) =>
      (value.remote?.saes ?? []).map((id, index) => [id, `${pointer}/remote/saes/${index}`] as const),
    ),
    ...saes.map(({ pointer, value }) => [value.id, pointer] as const),
  ]);
  const entries = saes.flatMap(({ pointer, value }) =>
    (value.addresses ?? []).map((address, index) => ({ pointer, member: `addresses/${index}`, address })),
  );
  const first = new Map<string, string>();
  return entries.flatMap(({ pointer, member, address }) => {
    const at = `${pointer}/${member}`;
    const owner = owners.get(address);
    if (owner !== undefined && owner !== pointer) return [{ pointer: at, message: `the same as the id of ${owner}` }];
    const earlier = first.get(address);
    if (earlier === undefined) first.set(address, at);
    return earlier === undefined ? [] : [{ pointer: at, message: `the same address as ${earlier}` }];
  });
}

/** A node's audit log bears the node's id. */
function reservedIds({ nodes }: Sections): PointerFault[] {
  const message = `the id ${DEPLOYMENT_LOG} is reserved: it names the audit log of what concerns no single node`;
  return nodes.flatMap(({ pointer, value }) =>
    value.id === DEPLOYMENT_LOG ? [{ pointer: `${pointer}/id`, message }] : [],
  );
}

function linkEnds(sections: Sections): PointerFault[] {
  return sections.links.flatMap(({ pointer, value: { nodes } }) => [
    ...unknownNode(pointer, "nodes/0", nodes[0], sections),
    ...unknownNode(pointer, "nodes/1", nodes[1], sections),
    ...(nodes[0] === nodes[1] ? [{ pointer: `${pointer}/nodes`, message: "a link joins two different nodes" }] : []),
  ]);
}

/** There is no default: a seed that everybody has was not drawn independently of anybody's blocks. */
function conditioningSeeds({ links }: Sections): PointerFault[] {
  return links.flatMap(({ pointer, value: { health, conditioning_seed: seed } }) =>
    health === "condition" && seed === undefined
      ? [
          {
            pointer: `${pointer}/conditioning_seed`,
            message: `health "condition" needs it: ${CONDITIONING_SEED_WORDS}`,
          },
        ]
      : [],
  );
}

function agentSites(sections: Sections): PointerFault[] {
  return sections.agents.flatMap(({ pointer, value: { site } }) =>
    !sections.nodesTold || sections.sites.has(site)
      ? []
      : [{ pointer: `${pointer}/site`, message: `no node is at the site ${site}` }],
  );
}

/** Every credential of the document with its pointer. */
function* allCredentials(sections: Sections): Generator<Entry<Credential>> {
  const { nodes, saes, agents, controllers, operators, kmsPeers, legacyNodes } = sections;
  for (const holders of [saes, nodes, agents, controllers, operators, kmsPeers, legacyNodes]) {
    for (const { pointer, value } of holders) {
      for (const [index, credential] of (value.credentials ?? []).entries()) {
        yield { pointer: `${pointer}/credentials/${index}`, value: credential };
      }
    }
  }
}

const CERTIFICATE_FORMS = {
  fingerprint: { form: /^[0-9a-f]{64}$/, message: "a SHA-256 fingerprint is 64 lower-case hex digits" },
  san: { form: /^(?:DNS|URI):./, message: "a subject alternative name is given as DNS:name or URI:name" },
  cn: { form: /./, message: "a subject CN is text" },
} as const;

function* credentialForms(sections: Sections): Generator<PointerFault> {
  for (const { pointer, value } of allCredentials(sections)) {
    if (value.type === "certificate") {
      const { form, message } = CERTIFICATE_FORMS[value.match];
      if (!form.test(value.value)) yield { pointer: `${pointer}/value`, message };
      continue;
    }
    for (const [index, scope] of (value.scopes ?? []).entries()) {
      if (!isAction(scope)) yield { pointer: `${pointer}/scopes/${index}`, message: `no action is called ${scope}` };
    }
  }
}

/** One credential, one principal: anything else would let one pass for the other. */
function credentialOwners(sections: Sections): PointerFault[] {
  const entries = [...allCredentials(sections)];
  return [
    ...repeated(entries, "sha256", (c) => (c.type === "token" ? c.sha256 : undefined), "the same token"),
    ...repeated(
      entries,
      "value",
      (c) => (c.type === "certificate" ? certificateKey(c) : undefined),
      "the same certificate name",
    ),
  ];
}

function keySizes({ policy }: Sections): PointerFault[] {
  if (policy === null) return [];
  const sizes = policy.key_size_bits;
  const pointer = "/policy/key_size_bits";
  const faults = (["min", "default", "max"] as const).flatMap((name) =>
    sizes[name] % 8 === 0 ? [] : [{ pointer: `${pointer}/${name}`, message: "a multiple of 8 bits" }],
  );
  if (sizes.min > sizes.default) faults.push({ pointer: `${pointer}/default`, message: `at least min, ${sizes.min}` });
  if (sizes.default > sizes.max)
    faults.push({ pointer: `${pointer}/max`, message: `at least default, ${sizes.default}` });
  return faults;
}

function poolMarks({ policy }: Sections): PointerFault[] {
  if (policy === null) return [];
  const { low_bytes: low, high_bytes: high, capacity_bytes: capacity } = policy.pool;
  const faults: PointerFault[] = [];
  if (low > high) faults.push({ pointer: "/policy/pool/high_bytes", message: `at least low_bytes, ${low}` });
  if (high > capacity) faults.push({ pointer: "/policy/pool/capacity_bytes", message: `at least high_bytes, ${high}` });
  return faults;
}

function containerSize({ policy }: Sections): PointerFault[] {
  if (policy === null) return [];
  const bytes = (policy.max_key_per_request * policy.key_size_bits.max) / 8;
  if (bytes <= LIMITS.containerKeyBytes) return [];
  const message = `with keys of up to ${policy.key_size_bits.max} bits a request could ask for ${bytes} bytes, more than ${LIMITS.containerKeyBytes}`;
  return [{ pointer: "/policy/max_key_per_request", message }];
}

/** Each for somebody or something that is there, and no two for the same. */
function quotaEntries({ policy, saeIds, linkIds }: Sections): PointerFault[] {
  const entries = (policy?.quotas ?? []).map((value, index) => ({ pointer: `/policy/quotas/${index}`, value }));
  const faults = entries.flatMap(({ pointer, value: { sae, link } }): PointerFault[] => [
    ...(sae === undefined && link === undefined
      ? [{ pointer, message: "shall name an sae or a link; what holds for all is /policy/quota" }]
      : []),
    ...(sae === undefined || saeIds === null || saeIds.has(sae)
      ? []
      : [{ pointer: `${pointer}/sae`, message: `no SAE has the id ${sae}` }]),
    ...(link === undefined || linkIds === null || linkIds.has(link)
      ? []
      : [{ pointer: `${pointer}/link`, message: `no link has the id ${link}` }]),
  ]);
  return [
    ...faults,
    ...repeated(entries, "sae", ({ sae, link }) => sae && JSON.stringify([sae, link]), "the same sae and link"),
    ...repeated(entries, "link", ({ sae, link }) => (sae === undefined ? link : undefined)),
  ];
}

/** Each end pushes what its own module made, so that the pool compares the two. */
function linkModules({ links }: Sections): PointerFault[] {
  return links.flatMap(({ pointer, value: { source, feed, module } }): PointerFault[] => {
    if (!hasModules({ source })) {
      const message = "is for links whose source is bb84 or fake";
      return module === undefined ? [] : [{ pointer: `${pointer}/module`, message }];
    }
    const message = `shall be two-ended where the source is ${source}: each end has a QKD module`;
    const problem = module === undefined ? undefined : moduleProblem(module);
    return [
      ...(feed === "two-ended" ? [] : [{ pointer: `${pointer}/feed`, message }]),
      ...(problem === undefined ? [] : [{ pointer: `${pointer}/module`, message: problem }]),
    ];
  });
}

/** Is this credential good for writing the network, as far as can be told? */
function writesNetwork(credential: Credential, { nowMs = -Infinity, revoked }: InForce): boolean {
  if (credential.type === "certificate") {
    return credential.match !== "fingerprint" || revoked?.has(revocationKey("certificate", credential.value)) !== true;
  }
  const { sha256, expires, scopes } = credential;
  // oxlint-disable-next-line no-restricted-globals -- parsing reads no clock
  const untilMs = expires === undefined ? Infinity : Date.parse(expires);
  return (
    untilMs > nowMs &&
    (scopes === undefined || scopes.includes("network.write")) &&
    revoked?.has(revocationKey("token", sha256)) !== true
  );
}

type Operator = NetworkDocument["operators"][number];
const canWriteNetwork = ({ id, credentials }: Operator, inForce: InForce): boolean =>
  inForce.revoked?.has(revocationKey("principal", `operator:${id}`)) !== true &&
  credentials.some((credential) => writesNetwork(credential, inForce));

/** Is there anybody who can put the next document? */
export const someoneWritesNetwork = (operators: readonly Operator[], inForce: InForce): boolean =>
  operators.some((operator) => canWriteNetwork(operator, inForce));

/** Somebody must remain who can put the next document. */
function operatorLeft({ operators, operatorsAtFault }: Sections, inForce: InForce): PointerFault[] {
  const reserved = operators
    .filter(({ value: { id } }) => id === BOOTSTRAP_OPERATOR.id || id === STARTER_OPERATOR.id)
    .map(({ pointer, value: { id } }) => ({ pointer: `${pointer}/id`, message: `the id ${id} is reserved` }));
  const entries = operators.map(({ value }) => value);
  if (operatorsAtFault || someoneWritesNetwork(entries, inForce)) return reserved;
  const message =
    "at least one operator needs a credential that may write the network and is neither expired nor revoked, or nobody could ever change it again";
  return [...reserved, { pointer: "/operators", message }];
}

/** Keys lie in the shards that made them: fewer shards would leave some behind. */
function shardsKept({ links }: Sections, { previous }: InForce): PointerFault[] {
  const before = new Map((previous?.links ?? []).map((link) => [pairOfLink(link), link.shards]));
  return links.flatMap(({ pointer, value }) => {
    // A release before allowed more than there may be now.
    const shards = Math.min(before.get(pairOfLink(value)) ?? 0, LIMITS.shards);
    return value.shards >= shards
      ? []
      : [{ pointer: `${pointer}/shards`, message: `never lowered: it is ${shards} now` }];
  });
}
