/**
 * Arrays from strangers. Valibot looks at every item before it looks at the length, and keeps an issue for each that is
 * wrong: a body of a few megabytes would then cost gigabytes.
 */
import * as v from "valibot";
import { LIMITS } from "../limits.ts";

/** What went wrong with each, in the client's words; Valibot's own where absent. */
export interface ListMessages {
  readonly type?: string;
  readonly length?: string;
}

/**
 * An array of at most `max` items. A longer one is one issue, found without a look at its items; of a shorter one the
 * items are looked at until LIMITS.faultsReported issues are exceeded. To everybody else (the JSON Schema) it is
 * `v.pipe(v.array(item), v.maxLength(max))`.
 */
export function boundedList<const Item extends v.GenericSchema>(item: Item, max: number, messages: ListMessages = {}) {
  const list = v.pipe(v.array(item, messages.type), v.maxLength(max, messages.length));
  const lengthOnly = v.pipe(
    v.custom<unknown[]>((value) => Array.isArray(value)),
    v.maxLength<unknown[], number, string | undefined>(max, messages.length),
  );
  const run: (typeof list)["~run"] = (dataset, config) => {
    if (Array.isArray(dataset.value) && dataset.value.length > max) {
      return lengthOnly["~run"](dataset, config);
    }
    let issues = 0;
    const counted: Item = {
      ...item,
      "~run": (value: v.UnknownDataset) => {
        const outcome = item["~run"](value, config);
        issues += outcome.issues?.length ?? 0;
        return outcome;
      },
    };
    // `v.array` asks after each item that has issues whether to go on.
    const untilEnough = {
      ...config,
      get abortEarly() {
        return issues > LIMITS.faultsReported || config.abortEarly === true;
      },
    };
    return v.array(counted, messages.type)["~run"](dataset, untilEnough);
  };
  return { ...list, "~run": run };
}
