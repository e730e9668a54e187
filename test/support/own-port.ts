/** Ports of what listens, ends and listens again, and so cannot have any that is free each time. */
export { freePort as ownPort } from "../../scripts/start/ports.ts";
