/** the KMS API of Open-QKD-Network, as its applications call it. A site is named as a party's node. */
import { type Level, must } from "../../case.ts";
import type { Party } from "../application.ts";
import { type JsonObject, membersOf } from "../bindings/http-json.ts";
import type { WireStage } from "../stage.ts";
import type { WireCase } from "./wire-case.ts";

const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
/** Built into the original's applications, and so no secret. */
const CLIENT = { Authorization: "Basic aHRtbDU6cGFzc3dvcmQ=" };
const SIGN_IN = "password=bot&client_secret=password&client=html5&username=pwebb&grant_type=password&scope=openid";
const TOKEN_PATH = "/uaa/oauth/token";
const BLOCK_ID_CHARS = 36;
const NO_KEY = -2;

/** A token is as good as a password: the transcript has none. */
const withoutTokens = (text: string): string => text.replaceAll(/("(?:access|refresh)_token"\s*:\s*")[^"]*/g, "$1...");

async function signIn({ reach }: Party): Promise<string> {
  const base = reach.access.tokensAt ?? reach.access.at;
  const call = { path: TOKEN_PATH, body: SIGN_IN, headers: { ...FORM, ...CLIENT }, base, shown: withoutTokens };
  const { http, members } = membersOf(await reach.http(call));
  const { access_token: token } = members;
  must(http === 200 && typeof token === "string" && token !== "", `no access_token: HTTP ${http}`);
  return token;
}

async function ask({ reach }: Party, call: string, form: Readonly<Record<string, string>>, token?: string) {
  const headers = { ...FORM, ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) };
  return membersOf(await reach.http({ path: `/api/${call}`, body: new URLSearchParams(form).toString(), headers }));
}

interface SiteKey {
  readonly index: number;
  readonly blockId: string;
  readonly hexKey: string;
}

function mustBeKey({ http, members }: JsonObject): SiteKey {
  const { index, blockId, hexKey } = members;
  must(http === 200 && Number.isInteger(index) && Number(index) >= 0, `no key: HTTP ${http}, index ${String(index)}`);
  must(typeof hexKey === "string" && /^[0-9a-f]{64}$/i.test(hexKey), "hexKey is not 64 hexadecimal digits");
  must(
    typeof blockId === "string" && blockId.length === BLOCK_ID_CHARS,
    `blockId has not ${BLOCK_ID_CHARS} characters`,
  );
  return { index: Number(index), blockId, hexKey };
}

/** @returns the key made at A for B */
const newKey = async ({ parties: { a, b } }: WireStage): Promise<SiteKey> =>
  mustBeKey(await ask(a, "newkey", { siteid: b.node }, await signIn(a)));

const wishOf = (party: Party, { index, blockId }: SiteKey) => ({
  siteid: party.node,
  index: String(index),
  blockid: blockId,
});

const wire = (spec: Omit<WireCase, "level" | "clause"> & { level?: Level }): WireCase => ({
  level: "M",
  ...spec,
  clause: "",
});

export const OPEN_QKD_NETWORK_CASES: readonly WireCase[] = [
  wire({
    id: "Q-01",
    title: "a token for the client and user that are built into applications",
    async run({ parties: { a, b } }) {
      for (const party of [a, b]) await signIn(party);
    },
  }),
  wire({
    id: "Q-02",
    title: "newkey: an index, 64 hexadecimal digits, a block ID of 36 characters",
    async run(stage) {
      await newKey(stage);
    },
  }),
  wire({
    id: "Q-03",
    title: "getkey at the peer with that index and block ID: the same key",
    async run(stage) {
      const { a, b } = stage.parties;
      const made = await newKey(stage);
      const fetched = mustBeKey(await ask(b, "getkey", wishOf(a, made), await signIn(b)));
      must(fetched.hexKey === made.hexKey, "the two ends have different keys");
    },
  }),
  wire({
    id: "Q-04",
    title: "getkey without a token: HTTP 401 with an error",
    async run(stage) {
      const { a, b } = stage.parties;
      const { http, members } = await ask(b, "getkey", wishOf(a, await newKey(stage)));
      must(http === 401 && members["error"] !== undefined, `it says HTTP ${http}, and shall say HTTP 401 with "error"`);
      must(members["hexKey"] === undefined, "a key is given without a token");
    },
  }),
  wire({
    id: "Q-05",
    // The original may answer from another block.
    level: "R",
    title: "getkey with a wrong block ID: index -2, no key",
    async run(stage) {
      const { a, b } = stage.parties;
      const made = await newKey(stage);
      const wish = wishOf(a, { ...made, blockId: crypto.randomUUID() });
      const { members } = await ask(b, "getkey", wish, await signIn(b));
      must(typeof members["hexKey"] !== "string", "a key is given for a block that does not exist", "R");
      must(members["index"] === NO_KEY, `the index is ${String(members["index"])}, and shall be ${NO_KEY}`);
    },
  }),
];
