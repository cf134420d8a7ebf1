import { type ClientDuplexStream, credentials, Metadata, status } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from '@jest/globals';
import { contracts } from '../../../common/contracts.ts';
import { createGrpcServer, type GrpcServer } from '../../../control-plane/discovery/grpc-server.ts';
import { MessageChannel } from '../../../control-plane/discovery/message-channel.ts';
import { protocolViolation, StreamEnd } from '../../../control-plane/discovery/stream-end.ts';
import type {
  ControlMessage,
  ControlMessageInput,
} from '../../../proto/gen/mcpgw/discovery/v1/ControlMessage.ts';
import type {
  NodeMessage,
  NodeMessageInput,
} from '../../../proto/gen/mcpgw/discovery/v1/NodeMessage.ts';

type Channel = MessageChannel<NodeMessage, ControlMessageInput>;
type Call = ClientDuplexStream<NodeMessageInput, ControlMessage>;

const closers: (() => Promise<void> | void)[] = [];

/** A stream with both its ends. */
async function connected(): Promise<{ channel: Channel; call: Call }> {
  const opened = Promise.withResolvers<Channel>();
  const server: GrpcServer = await createGrpcServer({
    host: '127.0.0.1',
    port: 0,
    services: [
      {
        definition: contracts.discovery.ConfigDiscovery.service,
        handlers: {
          StreamConfig: (call: ConstructorParameters<typeof MessageChannel>[0]) =>
            opened.resolve(new MessageChannel(call) as Channel),
        },
      },
    ],
  });
  const client = new contracts.discovery.ConfigDiscovery(
    server.address,
    credentials.createInsecure(),
  );
  const call = client.StreamConfig(new Metadata());
  call.on('error', () => undefined);
  closers.push(() => {
    call.cancel();
    client.close();
    return server.close();
  });
  return { channel: await opened.promise, call };
}

function ended(call: Call): Promise<{ code: number; details: string }> {
  return new Promise((resolve) => call.once('status', resolve));
}

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

describe('a conversation with a node', () => {
  test('sends no more than the transport takes from a node that doesn’t read', async () => {
    const { channel, call } = await connected();
    let received = 0;
    const paused = Promise.withResolvers<void>();
    call.on('data', () => {
      received += 1;
      if (received > 1) return;
      // A client that has never read takes everything in; one that stops reading holds up the sender.
      call.pause();
      paused.resolve();
    });
    const body = Buffer.alloc(64 * 1024);
    const resource = { type: 'Server', name: 's', version: 'v', body };
    let sent = 0;
    const sending = (async () => {
      for (; sent < 400; sent += 1) {
        await channel.send({ rangeChunk: { index: sent, resources: [resource] } });
      }
    })();
    await paused.promise;
    let before = -1;
    // Until nothing has left for a while: flow control has closed the window.
    while (before !== sent) {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(sent).toBeGreaterThan(0);
    expect(sent).toBeLessThan(100);
    expect(channel.idle).toBe(false);
    call.resume();
    await sending;
    expect(sent).toBe(400);
    expect(channel.idle).toBe(true);
    expect(received).toBeGreaterThan(300);
  });

  test('who waits hears why the stream ended, and the node as well', async () => {
    const { channel, call } = await connected();
    call.resume();
    const status_ = ended(call);
    const waiting = channel.next();
    channel.end(protocolViolation('not like this'));
    await expect(waiting).rejects.toThrow('not like this');
    await expect(channel.send({})).rejects.toThrow(StreamEnd);
    expect(await status_).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'not like this',
    });
  });

  test('the node hears why, also while a message is on its way and another is awaited', async () => {
    const { channel, call } = await connected();
    call.resume();
    const status_ = ended(call);
    const waiting = channel.next();
    const sending = channel.send({ heartbeat: { revision: 1 } });
    channel.end(protocolViolation('enough'));
    await Promise.allSettled([waiting, sending]);
    expect(await status_).toMatchObject({ code: status.INVALID_ARGUMENT, details: 'enough' });
  });

  test('a node that vanishes ends what waits for it', async () => {
    const { channel, call } = await connected();
    const gone = new Promise((resolve) => channel.signal.addEventListener('abort', resolve));
    const waiting = channel.idleUntil(new Promise(() => undefined));
    call.cancel();
    await Promise.allSettled([waiting, gone]);
    await expect(channel.next()).rejects.toMatchObject({ code: status.UNAVAILABLE });
  });

  test('a node that takes too long is let go', async () => {
    const { channel, call } = await connected();
    call.resume();
    const status_ = ended(call);
    await expect(channel.take('hello', 50)).rejects.toThrow('No hello within 50 ms');
    expect(await status_).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  });

  test('messages come in order, one at a time, and the end as undefined', async () => {
    const { channel, call } = await connected();
    call.resume();
    for (const revision of [1, 2]) call.write({ acknowledgment: { nonce: 'n', revision } });
    call.end();
    expect((await channel.take('message', 1000))?.acknowledgment?.revision).toBe(1);
    expect(await channel.idleUntil(new Promise(() => undefined))).toBe('message');
    expect((await channel.next())?.acknowledgment?.revision).toBe(2);
    expect(await channel.next()).toBeUndefined();
    const status_ = ended(call);
    channel.finish();
    expect(await status_).toMatchObject({ code: status.OK });
  });
});
