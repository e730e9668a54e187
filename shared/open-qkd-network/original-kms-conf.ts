/** The lines of kms.conf, and the port of a site agent at which its URLs go on working. */

/** As the lines tell it so far. */
export interface KmsConf {
  tokenPort?: number;
  apiPort?: number;
  /** Of both; absent: this machine. */
  host?: string;
  isWithoutToken?: boolean;
}

const LOCAL = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;
const HTTP_PORT = 80;

type PortName = "tokenPort" | "apiPort";
const URLS: Readonly<Record<string, { readonly path: string; readonly port: PortName; readonly becomes: string }>> = {
  "line 1": { path: "/uaa/oauth/token", port: "tokenPort", becomes: "token_port" },
  "line 2": { path: "/api/newkey", port: "apiPort", becomes: "api_port" },
  "line 3": { path: "/api/getkey", port: "apiPort", becomes: "api_port" },
};

/** @returns what a line but the fourth becomes; null where it cannot be taken over; undefined where nobody reads it */
export function kmsConfLine(line: string, value: string, conf: KmsConf): string | null | undefined {
  if (line === "line 5") {
    conf.isWithoutToken = value === "false";
    return conf.isWithoutToken
      ? "qTox asks without a token: [open_qkd_network.sign_in]"
      : "nothing to be set: the client asks for a token";
  }
  const url = Object.hasOwn(URLS, line) ? URLS[line] : undefined;
  return url === undefined ? undefined : takeUrl(value, url, conf);
}

function takeUrl(value: string, { path, port: name, becomes }: (typeof URLS)[string], conf: KmsConf): string | null {
  if (!URL.canParse(value)) return null;
  const { protocol, hostname, port: written, pathname, search, username } = new URL(value);
  if (protocol !== "http:" || pathname !== path || search + username !== "") return null;
  const port = written === "" ? HTTP_PORT : Number(written);
  // One port of the agent serves both of them.
  if ((conf[name] ?? port) !== port) return null;
  conf[name] = port;
  if (!LOCAL.test(hostname)) conf.host = hostname;
  return `[[open_qkd_network]] ${becomes} = ${port}: kms.conf stays as it is`;
}

/** Lines of `agent.toml`; none where there is no kms.conf. */
export const kmsToml = ({ tokenPort, apiPort, host }: KmsConf, node: string): readonly string[] =>
  tokenPort === undefined || apiPort === undefined
    ? []
    : [
        "[[open_qkd_network]]",
        `node = ${JSON.stringify(node)}`,
        ...(host === undefined ? [] : [`address = ${JSON.stringify(host)}`, "insecure_lan = true"]),
        `token_port = ${tokenPort}`,
        `api_port = ${apiPort}`,
      ];
