/** K-01 to K-05: the actions of qkd-module 1.0. */
import { MODULE_STATUS } from "../../../../shared/etsi004/qkd-module/codes.ts";
import { must } from "../../case.ts";
import type { Party } from "../application.ts";
import { type JsonObject, membersOf, postJson } from "../bindings/http-json.ts";
import { ACTIONS, actionQos } from "../bindings/module-actions.ts";
import { newKsid } from "../scene.ts";
import type { WireStage } from "../stage.ts";
import type { WireCase } from "./wire-case.ts";

const FAR = 4_000_000_000;
const BAD_JSON = "bad request: request does not contains a valid json object";
const UNAVAILABLE = 503;

const act = async ({ reach }: Party, action: string, wish: object): Promise<JsonObject> =>
  await postJson(reach, ACTIONS + action, wish);

function mustSay({ http, members }: JsonObject, due: { readonly http: number; readonly status: number }): void {
  const said = `HTTP ${http}, status ${String(members["status"])}`;
  must(
    http === due.http && members["status"] === due.status,
    `it says ${said}, and shall say HTTP ${due.http}, status ${due.status}`,
  );
}
const SUCCESS = { http: 200, status: MODULE_STATUS.success };

/** Opened at both ends, with one KSID and the same two names. */
async function openBoth({ parties: { a, b } }: WireStage): Promise<string> {
  const ksid = newKsid();
  const names = { source: a.address ?? a.sae, destination: b.address ?? b.sae };
  for (const party of [a, b]) {
    const wish = { ...names, key_stream_ID: ksid, qos_parameters: actionQos(party) };
    const opened = await act(party, "open_connect", wish);
    mustSay(opened, SUCCESS);
    must(opened.members["key_stream_ID"] === ksid, "open_connect tells another key_stream_ID");
  }
  return ksid;
}

/** Indexes of chunks that are there. */
async function indexesOf({ reach }: Party, ksid: string, count: number): Promise<readonly number[]> {
  const answer = membersOf(await reach.http({ path: `${ACTIONS}get_id/${ksid}?count=${count}`, body: null }));
  mustSay(answer, SUCCESS);
  const indexes = answer.members["available_indexes"];
  must(Array.isArray(indexes) && indexes.length === count, `get_id tells no ${count} available_indexes`);
  return indexes as number[];
}

const isKey = (key: unknown): boolean =>
  typeof key === "string" && key !== "" && Buffer.from(key, "base64").toString("base64") === key;

function keysIn(answer: JsonObject, indexes: readonly number[]): readonly string[] {
  mustSay(answer, SUCCESS);
  const { indexes: given, keys } = answer.members;
  must(JSON.stringify(given) === JSON.stringify(indexes), "get_key gives other indexes than were asked for");
  must(Array.isArray(keys) && keys.length === indexes.length, `get_key gives no ${indexes.length} keys`);
  must(keys.every(isKey), "a key is no base64");
  return keys as string[];
}

const closeBoth = async ({ parties: { a, b } }: WireStage, ksid: string): Promise<void> => {
  for (const party of [a, b]) mustSay(await act(party, "close", { key_stream_ID: ksid }), SUCCESS);
};

const wire = (spec: Omit<WireCase, "level" | "clause">): WireCase => ({
  ...spec,
  level: "M",
  clause: "",
});

export const MODULE_CASES: readonly WireCase[] = [
  wire({
    id: "K-01",
    title: "open_connect by both ends with one KSID: HTTP 200, status 0, and key is made",
    async run(stage) {
      const ksid = await openBoth(stage);
      await indexesOf(stage.parties.a, ksid, 1);
      await closeBoth(stage, ksid);
    },
  }),
  wire({
    id: "K-02",
    title: "get_key with indexes of get_id: base64, the same at both ends, and no second time",
    async run(stage) {
      const { a, b } = stage.parties;
      const ksid = await openBoth(stage);
      const indexes = await indexesOf(a, ksid, 2);
      const wish = { key_stream_ID: ksid, indexes };
      const [ours, theirs] = [
        keysIn(await act(a, "get_key", wish), indexes),
        keysIn(await act(b, "get_key", wish), indexes),
      ];
      must(ours.join(" ") === theirs.join(" "), "the two ends have different keys of one index");
      must(new Set(ours).size === ours.length, "two indexes have the same key");
      mustSay(await act(a, "get_key", wish), { http: UNAVAILABLE, status: MODULE_STATUS["insufficient-key"] });
    },
  }),
  wire({
    id: "K-03",
    title: "get_key with one index that is there and one that is not: none is given, and the first is still there",
    async run(stage) {
      const { a } = stage.parties;
      const ksid = await openBoth(stage);
      const indexes = await indexesOf(a, ksid, 1);
      const mixed = await act(a, "get_key", { key_stream_ID: ksid, indexes: [...indexes, FAR] });
      must(mixed.members["keys"] === undefined, "a part of the keys is given");
      mustSay(mixed, { http: UNAVAILABLE, status: MODULE_STATUS["insufficient-key"] });
      keysIn(await act(a, "get_key", { key_stream_ID: ksid, indexes }), indexes);
    },
  }),
  wire({
    id: "K-04",
    title: "an unknown KSID: HTTP 503, status 9",
    async run({ parties: { a } }) {
      const unknown = { http: UNAVAILABLE, status: MODULE_STATUS["unknown-ksid"] };
      mustSay(await act(a, "get_key", { key_stream_ID: newKsid(), indexes: [0] }), unknown);
    },
  }),
  wire({
    id: "K-05",
    title: "a body that is no JSON: HTTP 400, in the original's words",
    async run({ parties: { a } }) {
      const { http, members } = membersOf(await a.reach.http({ path: `${ACTIONS}get_key`, body: "not json" }));
      must(http === 400, `it says HTTP ${http}, and shall say HTTP 400`);
      must(members["message"] === BAD_JSON, `the message is not "${BAD_JSON}"`);
    },
  }),
];
