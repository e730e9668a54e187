/** What the device serves, and what it is told and tells. */
export const SERVICES = ["bulk", "echo", "h2c", "http"] as const;
export type ServiceName = (typeof SERVICES)[number];

export interface ToDevice {
  readonly services: readonly ServiceName[];
}
export interface FromDevice {
  readonly type: "serving";
  readonly ports: Readonly<Partial<Record<ServiceName, number>>>;
}

/** Of a unary call and its answer: a few hundred bits of key and their id, say. */
export const MESSAGE_BYTES = 100;
export const H2C_PATH = "/qkd.Device/Next";
export const HTTP_PATH = "/next";
