/** The device itself: what the machine's loopback can do. */
import type { DevicePorts, Path } from "./path.ts";

export const direct = ({ http, ...ports }: DevicePorts): Path => ({
  name: "direct",
  endpoints: { ...ports, http: { url: `http://127.0.0.1:${http}`, token: null } },
  diagnosis: () => "",
  stop: () => Promise.resolve(),
});
