/** How a certificate names the site it is for: a URI among its alternative names. */
const SCHEME = "qkd-site:";

export const siteUri = (site: string): string => SCHEME + site;
/** The site a URI names; null for any other URI. */
export const siteOfUri = (uri: string): string | null => (uri.startsWith(SCHEME) ? uri.slice(SCHEME.length) : null);
