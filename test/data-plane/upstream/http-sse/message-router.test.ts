import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type MessageEnvelope,
  type RequestEnvelope,
  readEnvelope,
} from '../../../../data-plane/upstream/http-sse/message-envelope.ts';
import { MessageRouter } from '../../../../data-plane/upstream/http-sse/message-router.ts';

function read(message: unknown): MessageEnvelope {
  const envelope = readEnvelope(JSON.stringify(message));
  if (envelope === undefined) throw new Error('a message expected');
  return envelope;
}

function requestWith(id: string | number, progressToken?: string | number): RequestEnvelope {
  const params = progressToken === undefined ? {} : { _meta: { progressToken } };
  const envelope = read({ jsonrpc: '2.0', id, method: 'tools/call', params });
  if (envelope.kind !== 'request') throw new Error('a request expected');
  return envelope;
}

const responseTo = (id: unknown) => read({ jsonrpc: '2.0', id, result: {} });
const progressOf = (progressToken: unknown) =>
  read({ jsonrpc: '2.0', method: 'notifications/progress', params: { progressToken } });
const unrelated = read({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' });
const sampling = read({ jsonrpc: '2.0', id: 1, method: 'sampling/createMessage', params: {} });

type Id = string | number;

/** The router beside the simplest account of who waits for what; each step compares the two. */
class ComparedRouter {
  readonly router = new MessageRouter<number>();
  readonly waiting = new Map<Id, number>();
  listener: number | undefined;
  streams = 0;

  ask(id: Id, token: Id | undefined): void {
    this.streams += 1;
    const free = !this.waiting.has(id);
    expect(this.router.wait(requestWith(id, token), this.streams, true)).toBe(free);
    if (free) this.waiting.set(id, this.streams);
  }

  answer(id: Id): void {
    const stream = this.waiting.get(id);
    this.waiting.delete(id);
    expect(this.router.route(responseTo(id))).toEqual(
      stream === undefined ? { to: 'nobody' } : { to: 'stream', stream, last: true },
    );
  }

  leave(id: Id): void {
    const stream = this.waiting.get(id);
    this.waiting.delete(id);
    if (stream !== undefined) expect(this.router.leave(stream)).toBe(true);
  }

  listen(): void {
    this.streams += 1;
    const free = this.listener === undefined;
    expect(this.router.listen(this.streams)).toBe(free);
    if (free) this.listener = this.streams;
  }

  notify(message: MessageEnvelope): void {
    const route = this.router.route(message);
    const open = [...this.waiting.values(), this.listener].filter((each) => each !== undefined);
    if (open.length === 0) expect(route).toEqual({ to: 'later' });
    else
      expect(open.map((stream) => ({ to: 'stream', stream, last: false }))).toContainEqual(route);
  }

  check(): void {
    expect(this.router.size).toBe(this.waiting.size + (this.listener === undefined ? 0 : 1));
  }
}

describe('readEnvelope', () => {
  test.each([
    ['', undefined],
    ['{', undefined],
    ['[]', undefined],
    ['null', undefined],
    ['{"jsonrpc":"2.0"}', undefined],
    ['{"id":null,"method":"x"}', undefined],
    ['{"id":{},"method":"x"}', undefined],
  ])('%s is no message', (text, envelope) => {
    expect(readEnvelope(text)).toEqual(envelope);
  });

  test('tells the ids 1 and "1" apart', () => {
    expect(requestWith(1).id).not.toBe(requestWith('1').id);
  });

  test('never throws, whatever the text', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void readEnvelope(text)));
  });
});

describe('MessageRouter', () => {
  test('gives what relates to no request to the listener, else to the longest open POST', () => {
    const router = new MessageRouter<string>();
    expect(router.route(unrelated)).toEqual({ to: 'later' });
    router.wait(requestWith(0), 'initialize', false);
    expect(router.route(unrelated)).toEqual({ to: 'later' });
    router.wait(requestWith(1), 'first', true);
    router.wait(requestWith(2), 'second', true);
    expect(router.route(sampling)).toEqual({ to: 'stream', stream: 'first', last: false });
    expect(router.listen('get')).toBe(true);
    expect(router.listen('another')).toBe(false);
    expect(router.route(sampling)).toEqual({ to: 'stream', stream: 'get', last: false });
    expect(router.leave('get')).toBe(true);
    expect(router.leave('get')).toBe(false);
    expect(router.route(unrelated)).toEqual({ to: 'stream', stream: 'first', last: false });
  });

  test('gives progress to the request that named the token, by type', () => {
    const router = new MessageRouter<string>();
    router.listen('get');
    router.wait(requestWith(1, 7), 'number', true);
    router.wait(requestWith(2, '7'), 'text', true);
    expect(router.route(progressOf(7))).toMatchObject({ stream: 'number' });
    expect(router.route(progressOf('7'))).toMatchObject({ stream: 'text' });
    expect(router.route(progressOf(8))).toMatchObject({ stream: 'get' });
    router.route(responseTo(1));
    expect(router.route(progressOf(7))).toMatchObject({ stream: 'get' });
  });

  test('refuses an id that is open, and takes it again afterwards', () => {
    const router = new MessageRouter<string>();
    expect(router.wait(requestWith(1), 'a', true)).toBe(true);
    expect(router.wait(requestWith(1), 'b', true)).toBe(false);
    expect(router.wait(requestWith('1'), 'c', true)).toBe(true);
    expect(router.route(responseTo(1))).toEqual({ to: 'stream', stream: 'a', last: true });
    expect(router.route(responseTo(1))).toEqual({ to: 'nobody' });
    expect(router.wait(requestWith(1), 'd', true)).toBe(true);
  });

  test('in any interleaving each response reaches the request that waits for it, and only that', () => {
    const id = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom('0', '1', '2', 'x'));
    const step = fc.oneof(
      fc.tuple(id, fc.option(id, { nil: undefined })).map(
        ([asked, token]) =>
          (router: ComparedRouter) =>
            router.ask(asked, token),
      ),
      id.map((answered) => (router: ComparedRouter) => router.answer(answered)),
      id.map((left) => (router: ComparedRouter) => router.leave(left)),
      id.map((token) => (router: ComparedRouter) => router.notify(progressOf(token))),
      fc.constant((router: ComparedRouter) => router.notify(unrelated)),
      fc.constant((router: ComparedRouter) => router.listen()),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const router = new ComparedRouter();
        for (const each of steps) {
          each(router);
          router.check();
        }
      }),
    );
  });
});
