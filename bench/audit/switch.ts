/** Where the bench's Worker is told whether pools write events: `POST` with `on` or `off`. */
export const SWITCH_PATH = "/bench/audit";
