/** Feeds as they stand in `agent.toml`: one `[[feed]]` each. Units are in the names. */
import * as v from "valibot";
import { LIMITS } from "../../shared/limits.ts";
import { filePath, isLoopback, plainId, text, wholeNumber } from "../config-values.ts";
import { common, keySizeBits } from "./common-config.ts";
import { qkdModuleFeed } from "./qkd-module/config.ts";

/** Longest pause that a configuration may ask for. */
const MAX_PAUSE_MS = 3_600_000;
const pauseMs = (otherwise: number) => v.optional(wholeNumber(1, MAX_PAUSE_MS), otherwise);

const directory = v.pipe(
  v.strictObject({
    type: v.literal("directory"),
    ...common,
    /** The folder that the device drops its files into; not those below it. */
    path: filePath,
    /** Which of its files: `*.cor`, say. */
    pattern: v.optional(text(256), "*"),
    /**
     * When a file is complete. `size`: it has `file_bytes`. `quiet`: size and time of change stayed for `quiet_ms`.
     * `rename`: as soon as it has a name that fits; the device writes under another name.
     */
    complete: v.optional(v.picklist(["size", "quiet", "rename"], "shall be size, quiet or rename"), "quiet"),
    file_bytes: v.optional(wholeNumber(1, Number.MAX_SAFE_INTEGER)),
    quiet_ms: pauseMs(5000),
    poll_ms: pauseMs(1000),
    /** Once all of a file is in the spool: overwritten and deleted, or moved to `done_path` (on the same file system). */
    after: v.picklist(["move", "delete"], "shall be move or delete"),
    done_path: v.optional(filePath),
  }),
  v.check(
    ({ complete, file_bytes: bytes }) => (complete === "size") === (bytes !== undefined),
    'file_bytes goes with complete = "size"',
  ),
  v.check(
    ({ after, done_path: done }) => (after === "move") === (done !== undefined),
    'done_path goes with after = "move"',
  ),
);

const command = v.strictObject({
  type: v.literal("command"),
  ...common,
  /** No shell reads it: arguments are given one by one. */
  program: filePath,
  args: v.optional(v.pipe(v.array(v.string("shall be a text")), v.maxLength(256)), []),
  block_bytes: v.optional(wholeNumber(1, LIMITS.blockBytes), LIMITS.fileBlockBytes),
  /**
   * Set where the tools at both ends write the very same stream: blocks are then named by this and their offset, at
   * both ends alike. Otherwise they are named after this feed, its spool and a count: for one-ended links.
   */
  shared_stream: v.optional(plainId),
});

const device = v.pipe(
  v.strictObject({
    type: v.literal("etsi014-device"),
    ...common,
    /** `enc`: asks the device for new keys. `dec`: fetches those that the other end was given, by their IDs. */
    role: v.picklist(["enc", "dec"], "shall be enc or dec"),
    /** Of the device's KME, up to `/api/v1/keys`. */
    url: v.pipe(text(2048), v.url("shall be a URL")),
    /** The SAE at the other end, as the devices know it: the other agent. */
    peer_sae: text(LIMITS.saeIdChars),
    /** PEM files for mutual TLS. */
    cert: v.optional(filePath),
    key: v.optional(filePath),
    ca: v.optional(filePath),
    /** Addresses, loopback aside, that are spoken to without TLS: key material then crosses that wire in clear text. */
    plain_http: v.optional(v.pipe(v.array(text(255)), v.maxLength(16)), []),
    /** Of one request, which becomes one block. */
    keys_per_block: v.optional(wholeNumber(1, LIMITS.keysPerRequest), 128),
    key_size_bits: keySizeBits,
    /** The most that is taken from the device; 0: as much as it gives. */
    max_rate_bps: v.optional(wholeNumber(0, 1_000_000_000_000), 0),
    poll_ms: pauseMs(1000),
    timeout_ms: pauseMs(10_000),
  }),
  v.check(({ cert, key }) => (cert === undefined) === (key === undefined), "cert and key go together"),
  v.check(
    ({ keys_per_block: keys, key_size_bits: bits }) => (keys * bits) / 8 <= LIMITS.blockBytes,
    `keys_per_block x key_size_bits: more than ${LIMITS.blockBytes} bytes, the most a block may have`,
  ),
  v.check(
    ({ url, plain_http: listed }) => !URL.canParse(url) || speaksTls(url) || mayBePlain(url, listed),
    "url: without TLS only to loopback and the addresses listed in plain_http",
  ),
);

const speaksTls = (url: string): boolean => new URL(url).protocol === "https:";
const mayBePlain = (url: string, listed: readonly string[]): boolean => {
  const { protocol, hostname } = new URL(url);
  return protocol === "http:" && (isLoopback(hostname) || listed.includes(hostname));
};

export const FeedSchema = v.variant("type", [directory, command, device, qkdModuleFeed]);

export const FeedsSchema = v.pipe(
  v.array(FeedSchema),
  v.maxLength(LIMITS.feeds),
  v.check((feeds) => new Set(feeds.map(({ name }) => name)).size === feeds.length, "two feeds have the same name"),
);

export type FeedConfig = v.InferOutput<typeof FeedSchema>;
export type DirectoryConfig = v.InferOutput<typeof directory>;
export type CommandConfig = v.InferOutput<typeof command>;
export type DeviceConfig = v.InferOutput<typeof device>;
