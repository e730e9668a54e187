/** What the metered Worker counts. Pure. */
export const METER_PATH = "/meter";

interface ObjectMeter {
  /** Calls over RPC and alarms. */
  requests: number;
  /** Indexes, deletions and alarms set included, as they are billed. */
  rowsWritten: number;
  rowsRead: number;
  /** Of its database. */
  storedBytes: number;
}
export interface Meter {
  workerRequests: number;
  /** By class and id: `KeyPool:...`. */
  readonly objects: Record<string, ObjectMeter>;
}

export const NOTHING: Readonly<ObjectMeter> = { requests: 0, rowsWritten: 0, rowsRead: 0, storedBytes: 0 };

/** What came between two readings. */
export interface Metered {
  readonly workerRequests: number;
  readonly objectRequests: number;
  readonly rowsWritten: number;
  readonly rowsRead: number;
  readonly storedBytes: number;
  /** Objects that were called. */
  readonly objects: number;
}

export function metered(before: Meter, after: Meter): Metered {
  const called = Object.entries(after.objects)
    .map(([name, now]) => ({ now, earlier: before.objects[name] ?? NOTHING }))
    .filter(({ now, earlier }) => now.requests > earlier.requests);
  const sum = (figure: keyof ObjectMeter): number =>
    called.reduce((total, { now, earlier }) => total + now[figure] - earlier[figure], 0);
  return {
    workerRequests: after.workerRequests - before.workerRequests,
    objectRequests: sum("requests"),
    rowsWritten: sum("rowsWritten"),
    rowsRead: sum("rowsRead"),
    storedBytes: sum("storedBytes"),
    objects: called.length,
  };
}
