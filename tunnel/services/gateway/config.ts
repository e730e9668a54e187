/** What the gateway is told, beside the KME fronts of its process. */
import * as v from "valibot";
import { LIMITS } from "../../../shared/limits.ts";

export const GatewaySchema = v.strictObject({
  /** Address to listen on; `*`: every address of the machine. */
  bind: v.pipe(v.string(), v.minLength(1), v.maxLength(255)),
  ports: v.pipe(
    v.array(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))),
    v.minLength(1),
    v.maxLength(LIMITS.gatewayPorts),
  ),
});
export type GatewayConfig = v.InferOutput<typeof GatewaySchema>;
