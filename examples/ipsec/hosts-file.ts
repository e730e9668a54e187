/** By which `npm start -- --ipsec-hosts FILE` is told how the nodes' IPsec hosts are reached. */

export interface ReachedHost {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** A file, or `key_file` in its place. */
  readonly password_file: string;
  /** `SHA256:...`, or a line of known_hosts. */
  readonly host_key: string;
}

const LEAVES = ["host", "port", "user", "password_file", "host_key"] as const;

/** @param hosts by node */
export const hostsToml = (hosts: Readonly<Record<string, { readonly config: ReachedHost }>>): string =>
  Object.entries(hosts)
    .map(([node, { config }]) => {
      const lines = LEAVES.map((name) => `${name} = ${JSON.stringify(config[name])}\n`);
      return `[${node}]\n${lines.join("")}`;
    })
    .join("\n");
