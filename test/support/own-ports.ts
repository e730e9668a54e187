/** Before each file: of what runs at once, each has ports that no other takes while their listeners are still to start. */
const FIRST = 20_000;
const EACH = 2000;
const SLICES = 6;

const slice = Number(process.env["VITEST_POOL_ID"] ?? 0) % SLICES;
process.env["QKD_RANDOM_PORTS"] = `${FIRST + slice * EACH}-${FIRST + (slice + 1) * EACH - 1}`;
