/** Routes of nodes: what they hear of each other, how they would relay, their alarms. */
import { POOL_ALARMS } from "../keypool/alarms.ts";
import { MAX_DISJOINT_PATHS } from "../keypool/relay-shard.ts";
import { LIMITS } from "../limits.ts";
import { NODE_ALARMS } from "../relay/alarms.ts";
import * as nodes from "./node-schemas.ts";
import { json, type Operation } from "./operation.ts";
import { AlarmsClearedSchema } from "./schemas.ts";

const node = { node: "Node id of the network document." };
const hosted = { node: "Node hosted by this deployment." };

export const NODES = {
  getNodes: {
    method: "get",
    path: "/api/v1/nodes",
    tag: "Network",
    summary: "List the nodes",
    action: "nodes.read",
    responses: { 200: json("Nodes, as configured", nodes.NodesSchema) },
    errors: ["forbidden"],
    curl: "/api/v1/nodes",
  },
  getNode: {
    method: "get",
    path: "/api/v1/nodes/{node}",
    tag: "Network",
    summary: "Read what a node hears of others, and how its relays fare",
    description: "Of a node of another deployment: what a node here has heard of it.",
    action: "nodes.read",
    pathParameters: node,
    responses: { 200: json("The node", nodes.NodeSchema) },
    errors: ["forbidden", "not-found", "no-route"],
    curl: "/api/v1/nodes/tn-1",
  },
  getNodeRoute: {
    method: "get",
    path: "/api/v1/nodes/{node}/routes/{target}",
    tag: "Network",
    summary: "Tell which ways lead from a node to another at present",
    description:
      "As relays would go, whether or not a link or node failed a moment ago. Where no path is there, `cut` tells what would have to come back.",
    action: "nodes.read",
    pathParameters: { ...hosted, target: node.node },
    query: {
      disjoint_paths: {
        type: "integer",
        description: `So many paths that share no node between the two: 1 to ${MAX_DISJOINT_PATHS}; 1 where absent.`,
      },
    },
    responses: { 200: json("The paths, the best first, or the cut", nodes.NodeRouteSchema) },
    errors: ["forbidden", "not-found", "no-route"],
    curl: "/api/v1/nodes/tn-1/routes/tn-4",
  },
  deleteNodeAlarms: {
    method: "delete",
    path: "/api/v1/nodes/{node}/alarms/{code}",
    tag: "Network",
    summary: "Clear a node's alarms of one code",
    description: "They have been looked into. What is still wrong raises them again. Audited.",
    action: "alarms.clear",
    pathParameters: { ...hosted, code: `One of ${Object.keys(NODE_ALARMS).join(", ")}.` },
    responses: { 200: json("How many there were", AlarmsClearedSchema) },
    errors: ["forbidden", "not-found"],
    curl: "/api/v1/nodes/tn-1/alarms/relay-forged -X DELETE",
  },
  getPairs: {
    method: "get",
    path: "/api/v1/pairs",
    tag: "Network",
    summary: "List the pools of relayed key, with their alarms",
    description: "Those of pairs that have ever used such key. A page may hold fewer than asked for.",
    action: "nodes.read",
    query: {
      after: { type: "string", description: "Read on here: `next` of the page before." },
      limit: { type: "integer", description: `At most so many pools, 1 to ${LIMITS.relayPoolsListed}.` },
    },
    responses: { 200: json("A page of pools, by pair", nodes.RelayedPairsSchema) },
    errors: ["forbidden"],
    curl: "/api/v1/pairs",
  },
  deletePairAlarms: {
    method: "delete",
    path: "/api/v1/pairs/{pair}/alarms/{code}",
    tag: "Network",
    summary: "Clear the alarms of one code of a pair's relayed key",
    description: "They have been looked into. What is still wrong raises them again. Audited.",
    action: "alarms.clear",
    pathParameters: {
      pair: "Two nodes, joined by `|`, in either order.",
      code: `One of ${Object.keys(POOL_ALARMS).join(", ")}.`,
    },
    responses: { 200: json("How many there were", AlarmsClearedSchema) },
    errors: ["forbidden", "not-found", "audit-full"],
    curl: "/api/v1/pairs/tn-1%7Ctn-4/alarms/relay-short -X DELETE",
  },
} as const satisfies Record<string, Operation>;
