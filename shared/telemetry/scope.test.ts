import fc from "fast-check";
import { expect, test } from "vitest";
import { readScope, writeScope } from "./scope.ts";

const hex = (digits: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${digits - 1}}[1-9a-f]$`));
const trace = fc.record({ traceId: hex(32), spanId: hex(16), isSampled: fc.boolean() });

test("what is written is read, and fits into a header", () => {
  fc.assert(
    fc.property(
      fc.record({ requestId: fc.stringMatching(/^[A-Za-z0-9._~:@+=-]{1,128}$/), trace: fc.option(trace) }),
      (scope) => {
        const text = writeScope(scope);
        expect(readScope(text)).toEqual(scope);
        expect(text).toMatch(/^[!-~]+(?: [!-~]+)?$/);
      },
    ),
  );
});
