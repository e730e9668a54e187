/** When an object does what is due: by its one alarm, and by a timer for what is due soon. */
import { logFailure } from "../log-failure.ts";

/** The object's alarm. */
export type AlarmStorage = Pick<DurableObjectStorage, "getAlarm" | "setAlarm" | "deleteAlarm">;

/**
 * Arms the alarm for what is due next; one that rings sooner stays.
 * @param dueMs Infinity: nothing is
 * @param isOwnEnd it is the alarm's own run that ends: whatever was armed for it is replaced
 * @returns when the alarm will ring
 */
export async function arm(storage: AlarmStorage, dueMs: number, isOwnEnd = false): Promise<number> {
  const armedMs = isOwnEnd ? Infinity : ((await storage.getAlarm()) ?? Infinity);
  if (dueMs < armedMs) await storage.setAlarm(dueMs);
  else if (isOwnEnd) await storage.deleteAlarm();
  return Math.min(dueMs, armedMs);
}

/** What is due sooner is done by a timer, as alarms may be late. */
export const TIMER_MS = 5000;
/** After work that failed: a timer that rings at once would fail for ever. */
const AGAIN_MS = 1000;

interface PlannerParts {
  readonly ctx: { readonly storage: AlarmStorage; readonly waitUntil: (work: Promise<unknown>) => void };
  /** What the object's log calls it. */
  readonly name: string;
  /** When the alarm rings where a timer, or a run of the alarm, has been lost with its instance. */
  readonly recoveryMs: number;
  /** Infinity: nothing is due. */
  readonly dueMs: (nowMs: number) => number;
  /** Bounded, and the same again does no harm. @returns false where it could not be done now: the recovery alarm stands */
  readonly work: () => Promise<boolean>;
}

export class Planner {
  readonly #parts: PlannerParts;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerMs = Infinity;
  /** The work that a timer has begun goes on. */
  #isAtWork = false;
  #notBeforeMs = 0;

  constructor(parts: PlannerParts) {
    this.#parts = parts;
  }

  /** Cheap: called by whatever may have brought something forward. */
  plan(): void {
    const { ctx } = this.#parts;
    const alarmMs = this.#setTimer();
    if (alarmMs < Infinity) ctx.waitUntil(arm(ctx.storage, alarmMs));
  }

  /**
   * The object's alarm rings. Should this run end in the middle, the next one goes on where it was.
   * @param work what an alarm does, where that is more than what a timer does
   */
  async alarm(work = this.#parts.work): Promise<void> {
    const { ctx, recoveryMs } = this.#parts;
    await ctx.storage.setAlarm(Date.now() + recoveryMs);
    if (!(await work()) || this.#isAtWork) {
      this.plan();
      return;
    }
    // What it was set for has been done.
    clearTimeout(this.#timer);
    this.#timerMs = Infinity;
    await arm(ctx.storage, this.#setTimer(), true);
  }

  /** Sets the timer for what is due soon. @returns when the alarm shall ring; Infinity: no alarm is needed for it */
  #setTimer(): number {
    const nowMs = Date.now();
    const dueMs = Math.max(this.#parts.dueMs(nowMs), this.#notBeforeMs);
    // A timer would ring at once, and again and again.
    if (Number.isNaN(dueMs)) throw new Error(`${this.#parts.name}: when something is due is no number`);
    if (this.#isAtWork || dueMs >= this.#timerMs) return Infinity;
    if (dueMs - nowMs > TIMER_MS) return dueMs;
    clearTimeout(this.#timer);
    this.#timerMs = dueMs;
    this.#timer = setTimeout(() => void this.#ring(), Math.max(0, dueMs - nowMs));
    // A timer does not outlive the object.
    return nowMs + this.#parts.recoveryMs;
  }

  async #ring(): Promise<void> {
    this.#timerMs = Infinity;
    this.#notBeforeMs = 0;
    this.#isAtWork = true;
    let isDone = true;
    try {
      isDone = await this.#parts.work();
    } catch (error) {
      this.#notBeforeMs = Date.now() + AGAIN_MS;
      logFailure(this.#parts.name, error);
    }
    this.#isAtWork = false;
    // What could not be done is left to the recovery alarm, and to whoever plans next.
    if (isDone) this.plan();
  }
}
