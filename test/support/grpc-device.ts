/** A device that speaks gRPC, and who calls it: one service with a unary method and one that streams both ways. */
import {
  type Client,
  credentials,
  Metadata,
  makeGenericClientConstructor,
  Server,
  ServerCredentials,
} from "@grpc/grpc-js";
import type { handleBidiStreamingCall, handleUnaryCall, ServiceDefinition } from "@grpc/grpc-js";
import { onTestFinished } from "vitest";

/** Bytes as they are: what a schema makes of them is not the tunnel's business. */
const same = (bytes: Buffer): Buffer => bytes;
const method = (path: string, stream: boolean) => ({
  path,
  requestStream: stream,
  responseStream: stream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});
const DEVICE = {
  ask: method("/demo.Device/Ask", false),
  talk: method("/demo.Device/Talk", true),
} as const satisfies ServiceDefinition;

export interface Methods {
  readonly ask: handleUnaryCall<Buffer, Buffer>;
  readonly talk: handleBidiStreamingCall<Buffer, Buffer>;
}

/** @returns its port */
export async function grpcDevice(methods: Methods): Promise<number> {
  const server = new Server();
  server.addService(DEVICE, { ...methods });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
    error === null ? resolve(port) : reject(error),
  );
  onTestFinished(() => server.forceShutdown());
  return await promise;
}

export class GrpcCaller {
  readonly #client: Client;

  constructor(port: number) {
    const Constructor = makeGenericClientConstructor(DEVICE, "demo.Device");
    this.#client = new Constructor(`127.0.0.1:${port}`, credentials.createInsecure());
    onTestFinished(() => this.#client.close());
  }

  /** Rejects with the status where it is not OK. */
  ask(request: Buffer): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    this.#client.makeUnaryRequest(DEVICE.ask.path, same, same, request, new Metadata(), (error, answer) =>
      error === null && answer !== undefined ? resolve(answer) : reject(error ?? new Error("no answer")),
    );
    return promise;
  }

  talk() {
    return this.#client.makeBidiStreamRequest(DEVICE.talk.path, same, same, new Metadata());
  }
}
