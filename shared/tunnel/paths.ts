/** Where an agent finds the edge's part of the tunnel. */
const sitePath = (site: string): string => `/api/v1/sites/${encodeURIComponent(site)}`;
/** The WebSocket of a site's hub, for its own agent and for those of other sites. */
export const tunnelPath = (site: string): string => `${sitePath(site)}/tunnel`;
/** A nonce to sign, by POST. */
export const noncesPath = (site: string): string => `${tunnelPath(site)}/nonces`;
/** What the site's agent has seen, by POST. */
export const reportsPath = (site: string): string => `${sitePath(site)}/reports`;
/** Enrolment, by POST. */
export const agentsPath = (site: string): string => `${sitePath(site)}/agents`;
