import { expect, test } from "vitest";
import { readBytes } from "./body.ts";
import { checkBounds } from "./bounds.ts";

test("a body that breaks off is the client's fault", async () => {
  let pulls = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulls += 1;
      if (pulls === 1) controller.enqueue(Uint8Array.of(0x7b));
      else controller.error(new Error("Network connection lost."));
    },
  });
  expect(await readBytes(new Request("https://edge.test/", { method: "POST", body }), 100)).toMatchObject({
    ok: false,
    error: { code: "bad-request", message: "the body did not arrive whole" },
  });
});

// The runtime builds the URL from the Host header as it came; a Request made by hand cannot have such a one.
test.each(["http://[[[/healthz", "http://a, b/healthz"])("a Host that makes no URL: %s", (url) => {
  const request = { url, headers: new Headers() } as Request;
  expect(checkBounds(request)).toMatchObject({ ok: false, error: { code: "bad-request" } });
});
