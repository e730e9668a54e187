/** What the tunnel is for: site B's device calls site A's device by gRPC, through both agents and the edge. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { grpcDevice, GrpcCaller } from "../support/grpc-device.ts";
import { reversed, tunnelNetwork, type TunnelNetwork, twoSites } from "../support/tunnel-net.ts";

let network: TunnelNetwork;
beforeAll(async () => {
  network = await tunnelNetwork();
});
afterAll(() => network.stop());

/** Device A answers everything reversed, says when it has heard all, and knows one question that it does not like. */
async function deviceB(): Promise<GrpcCaller> {
  const device = await grpcDevice({
    ask: ({ request }, answer) =>
      request.length === 0
        ? answer({ code: status.FAILED_PRECONDITION, details: "the link is not aligned" })
        : answer(null, reversed(request)),
    talk: (call) => {
      let heard = 0;
      call.on("data", (message: Buffer) => {
        heard++;
        call.write(reversed(message));
      });
      call.on("end", () => {
        call.write(Buffer.from(`heard ${heard}`));
        call.end();
      });
    },
  });
  return new GrpcCaller((await twoSites(network, device)).port);
}

test("unary calls, many at once, and a status that is not OK", async () => {
  const caller = await deviceB();
  const questions = Array.from({ length: 100 }, (_, index) => randomBytes(1 + index * 400));
  const answers = await Promise.all(questions.map(async (question) => await caller.ask(question)));
  expect(answers.every((answer, index) => answer.equals(reversed(questions[index] ?? Buffer.alloc(0))))).toBe(true);
  await expect(caller.ask(Buffer.alloc(0))).rejects.toMatchObject({
    code: status.FAILED_PRECONDITION,
    details: "the link is not aligned",
  });
});

test("streams both ways: each message is answered before the next is sent, and the end comes after the end", async () => {
  const call = (await deviceB()).talk();
  for (let count = 0; count < 50; count++) {
    const message = randomBytes(10_000);
    call.write(message);
    const [answer] = (await once(call, "data")) as [Buffer];
    expect(answer.equals(reversed(message))).toBe(true);
  }
  const last = once(call, "data");
  const ended = once(call, "status");
  call.end();
  expect(String((await last)[0])).toBe("heard 50");
  expect((await ended)[0]).toMatchObject({ code: status.OK });
});
