/** Whose connections a port's are: those of the one service that wants the port and lets the gateway in. */
import * as v from "valibot";
import { err, ok, type Result } from "../../../shared/result.ts";
import { ALLOW_WORDS, mayOpen } from "../../../shared/tunnel/services.ts";

/** Of `GET /api/v1/sites`, what counts here. */
export const SitesPageSchema = v.object({
  sites: v.array(
    v.object({
      site: v.string(),
      services: v.array(
        v.object({
          service: v.string(),
          allow: v.array(v.string()),
          tls: v.boolean(),
          port: v.nullable(v.number()),
        }),
      ),
    }),
  ),
  next: v.nullable(v.string()),
});
export type ListedSite = v.InferOutput<typeof SitesPageSchema>["sites"][number];

export interface ServiceOfPort {
  readonly site: string;
  readonly service: string;
}

const GATEWAY = { site: ALLOW_WORDS.gateway, linked: false } as const;

/** @returns why it is nobody's, where it is */
export function serviceOfPort(sites: readonly ListedSite[], port: number): Result<ServiceOfPort, string> {
  const wanting = sites.flatMap(({ site, services }) =>
    services
      .filter((service) => service.port === port && mayOpen(service, GATEWAY))
      .map(({ service }) => ({ site, service })),
  );
  const [one, ...others] = wanting;
  if (one === undefined) return err(`no site exposes a service for port ${port} to ${ALLOW_WORDS.gateway}`);
  if (others.length === 0) return ok(one);
  return err(
    `more than one wants port ${port}: ${wanting.map(({ site, service }) => `${site}/${service}`).join(", ")}`,
  );
}

/** Sites whose services the ports of this gateway could be. */
export const sitesOfPorts = (sites: readonly ListedSite[], ports: readonly number[]): ReadonlySet<string> =>
  new Set(
    ports.flatMap((port) => {
      const found = serviceOfPort(sites, port);
      return found.ok ? [found.value.site] : [];
    }),
  );
