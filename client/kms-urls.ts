/** Where a KMS of Open-QKD-Network is. Its token service and its keys may be at two addresses. */

export interface KmsUrls {
  readonly token: string;
  readonly newKey: string;
  readonly getKey: string;
  /** RFC 7009: qkd-edge's; the original has none. */
  readonly revoke?: string;
}

/** All of them at one edge: `https://edge.example.org`. */
export function kmsUrls(baseUrl: string): KmsUrls {
  const base = baseUrl.replace(/\/+$/, "");
  return {
    token: `${base}/uaa/oauth/token`,
    newKey: `${base}/api/newkey`,
    getKey: `${base}/api/getkey`,
    revoke: `${base}/uaa/oauth/revoke`,
  };
}

/**
 * The `kms.conf` that applications of Open-QKD-Network read: three URLs and a site's id, a line each.
 * @throws TypeError for a text that is none
 */
export function readKmsConf(text: string): { readonly urls: KmsUrls; readonly siteId: string } {
  const lines = text.split("\n").map((line) => line.trim());
  const [token, newKey, getKey, siteId] = lines.filter((line) => line !== "");
  if (token === undefined || newKey === undefined || getKey === undefined || siteId === undefined) {
    throw new TypeError("kms.conf has four lines: the URLs of token, newkey and getkey, and a site's id");
  }
  return { urls: { token, newKey, getKey }, siteId };
}
