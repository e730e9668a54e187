/** What a KME front is told: by the starter over IPC, or in a JSON file. */
import * as v from "valibot";
import { LIMITS } from "../../../shared/limits.ts";
import { GatewaySchema } from "../gateway/config.ts";

const path = v.pipe(v.string(), v.minLength(1), v.maxLength(4096));

const front = v.strictObject({
  /** The node this front is the KME of, as the network document names it. */
  node: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  host: v.pipe(v.string(), v.minLength(1), v.maxLength(255)),
  /** 0: any free one. */
  port: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535)),
  /** PEM files of the KME, and of the authorities whose SAE certificates it takes. */
  cert: path,
  key: path,
  ca: path,
  /** PEM; may appear later. Once read it stays in force: deleting the file revokes no revocation. */
  crl: v.optional(path),
  /** How long a client may take for its TLS handshake; longer than the default is not to be had. */
  handshake_ms: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(LIMITS.frontHandshakeMs))),
});

const carrier = v.variant("type", [
  /** The engine on this machine. Whoever reaches this socket is believed, so its directory is closed to others. */
  v.strictObject({ type: v.literal("unix"), path }),
  /** A remote edge: the agent shows its own token and asserts the SAE's certificate. */
  v.strictObject({
    type: v.literal("edge"),
    url: v.pipe(v.string(), v.url()),
    token_file: path,
    /** PEM of the authority behind the edge's certificate, where it is not a public one. */
    ca: v.optional(path),
  }),
]);

const FrontsConfigSchema = v.pipe(
  v.strictObject({
    carrier,
    fronts: v.pipe(v.array(front), v.maxLength(1000)),
    gateway: v.optional(GatewaySchema),
  }),
  v.check(
    ({ carrier: { type }, gateway }) => gateway === undefined || type === "unix",
    "gateway: only beside the engine, on its unix socket",
  ),
);

export type FrontsConfig = v.InferOutput<typeof FrontsConfigSchema>;
export type FrontConfig = FrontsConfig["fronts"][number];
export type CarrierConfig = FrontsConfig["carrier"];

/** Throws with every fault's place in one line. */
export function parseFrontsConfig(value: unknown): FrontsConfig {
  const parsed = v.safeParse(FrontsConfigSchema, value);
  if (parsed.success) return parsed.output;
  throw new Error(parsed.issues.map((issue) => `${v.getDotPath(issue) ?? "(document)"}: ${issue.message}`).join("; "));
}
