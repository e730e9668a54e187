import { expect, test } from "vitest";
import { type Code, StreamError } from "../../../shared/mux/codes.ts";
import type { MuxStream } from "../../../shared/mux/stream.ts";
import { type AnswerHttp, answerHttp } from "./own-http.ts";

const MOST_BYTES = 10;

/** A stream on which this comes, and what was done with it. */
function stream(...pieces: readonly Uint8Array[]) {
  const left = [...pieces];
  const written: Uint8Array[] = [];
  let end: Code | "ended" | null = null;
  const part: Pick<MuxStream, "read" | "write" | "end" | "reset"> = {
    read: () => Promise.resolve(left.shift() ?? null),
    write: (bytes) => Promise.resolve(void written.push(bytes)),
    end: () => Promise.resolve(void (end = "ended")),
    reset: (code) => void (end = code),
  };
  return {
    stream: part as MuxStream,
    get end() {
      return end;
    },
    get answer() {
      const all = Buffer.concat(written);
      if (all.length === 0) return null;
      const bodyAt = 4 + all.readUInt32BE(0);
      const said = JSON.parse(all.subarray(4, bodyAt).toString()) as { status: number; headers: string[] };
      return { ...said, body: all.subarray(bodyAt).toString(), pieces: written.length - 1 };
    },
  };
}

function head(headers: readonly string[]): Uint8Array {
  const text = Buffer.from(JSON.stringify({ method: "POST", target: "/path?x", headers }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  return Buffer.concat([length, text]);
}
const lengthSaid = (length: number) => ["content-length", String(length)];

const echo: AnswerHttp = ({ method, target, body }) => ({
  status: 200,
  contentType: "text/plain",
  body: [`${method} ${target} `, new TextDecoder().decode(body)],
});
const serve = async (on: ReturnType<typeof stream>, answer = echo) =>
  await answerHttp(on.stream, { answer, bodyBytes: MOST_BYTES });

test.each([
  ["with a length", lengthSaid(6)],
  ["without one", []],
])("a body %s comes whole, the answer in its pieces", async (_, headers) => {
  const on = stream(head(headers), Buffer.from("abc"), Buffer.from("def"));
  expect(await serve(on)).toEqual({ ok: true, value: null });
  expect(on.answer).toEqual({
    status: 200,
    headers: ["content-type", "text/plain"],
    body: "POST /path?x abcdef",
    pieces: 2,
  });
  expect(on.end).toBe("ended");
});

test("a body that is too large is read to its end, and not taken", async () => {
  const asked: unknown[] = [];
  const on = stream(head([]), Buffer.from("0123456789"), Buffer.from("0"));
  await serve(on, (request) => {
    asked.push(request);
    return echo(request);
  });
  expect(on.answer?.status).toBe(413);
  expect(asked).toEqual([]);
});

test.each([
  ["shorter", lengthSaid(7)],
  ["longer", lengthSaid(5)],
])("a body that is %s than said is none", async (_, headers) => {
  const on = stream(head(headers), Buffer.from("abcdef"));
  expect(await serve(on)).toMatchObject({ ok: false, error: { code: "protocol-error" } });
  expect(on.end).toBe("protocol-error");
  expect(on.answer).toBeNull();
});

test("what is no head is none", async () => {
  const on = stream(Buffer.from([0, 0, 0, 2, 0x7b, 0x7d]));
  expect(await serve(on)).toMatchObject({ ok: false, error: { code: "protocol-error" } });
});

test("who asks for no more ends the answer where it is; so does a defect", async () => {
  let isReturned = false;
  async function* endless() {
    try {
      for (;;) yield Promise.resolve("more");
    } finally {
      isReturned = true;
    }
  }
  const on = stream(head([]));
  let writes = 0;
  on.stream.write = () =>
    ++writes > 3
      ? Promise.reject(new StreamError({ code: "cancelled", reason: "", kind: "reset" } as never))
      : Promise.resolve();
  const done = await serve(on, () => ({ status: 200, contentType: "text/plain", body: endless() }));
  expect(done).toMatchObject({ ok: false, error: { code: "cancelled" } });
  expect(isReturned).toBe(true);
  const broken = stream(head([]));
  const failed = await serve(broken, () => {
    throw new Error("a defect");
  });
  expect(failed).toMatchObject({ ok: false, error: { code: "service-failed" } });
  expect(broken.end).toBe("service-failed");
});
