import { describe, expect, test } from '@jest/globals';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import fc from 'fast-check';
import { answerPlaces } from '../../../data-plane/mcp/answer-places.ts';
import { EventStreamRewriter } from '../../../data-plane/mcp/event-stream-rewriter.ts';
import { JsonRewriter } from '../../../data-plane/mcp/json-rewriter.ts';
import { UpdateGate } from '../../../data-plane/pipeline/update-gate.ts';
import { anyCuts, cutBytes } from '../../support/byte-chunks.ts';

const places = answerPlaces({ seals: false, lists: 'none', updates: true, acknowledgment: false });

/** A stream whose caller may not read what has `secret` in its URI. */
function gatedStream() {
  const gate = new UpdateGate((uri) => !uri.includes('secret'));
  const json = new JsonRewriter(places, {
    tap: (name, value) => gate.tap(name, value),
    rewrite: (_name, text) => text,
    take: (_name, value) => value,
    closing: () => '',
  });
  const stream = new EventStreamRewriter(json, {
    mayPass: (isWhole) => gate.mayPass(isWhole),
    onEventEnd: () => gate.eventEnd(),
  });
  return { stream, gate };
}

function pass(text: string, cuts: readonly number[]): string {
  const { stream } = gatedStream();
  const chunks = cutBytes(Buffer.from(text), cuts);
  return Buffer.concat(chunks.flatMap((chunk) => stream.write(chunk))).toString();
}

function parse(text: string): EventSourceMessage[] {
  const events: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => events.push(event) });
  // A carriage return at the very end may be half of a pair.
  parser.feed(`${text}: end\n`);
  return events;
}

const updated = (uri: unknown) => ({ method: 'notifications/resources/updated', params: { uri } });

const message = fc.oneof(
  fc.record({ id: fc.nat(), result: fc.jsonValue({ maxDepth: 2 }) }),
  fc.record({ id: fc.nat(), error: fc.record({ message: fc.string() }) }),
  fc.record({ method: fc.string(), params: fc.constant({ uri: 'a:secret' }) }),
  fc.constantFrom('a:open', 'a:secret').map(updated),
  fc
    .constantFrom('a:open', 'a:secret')
    .map((uri) => ({ params: { uri }, method: updated(uri).method })),
  fc.constant(updated(7)),
  fc.constantFrom('a:open', 'a:secret').map((uri) => [updated('a:open'), updated(uri)]),
);

function tellsSecret(value: unknown): boolean {
  const messages = Array.isArray(value) ? value : [value];
  return messages.some(
    (one: { method?: unknown; params?: { uri?: unknown } }) =>
      one.method === 'notifications/resources/updated' && one.params?.uri !== 'a:open',
  );
}

const event = fc.record({
  message,
  lines: fc.subarray(['id: 7', 'retry: 5', 'event: message']),
  space: fc.nat(1),
});

type AnyEvent = typeof event extends fc.Arbitrary<infer Value> ? Value : never;

function write({ message: value, lines, space }: AnyEvent, end: string): string {
  const data = JSON.stringify(value, undefined, space).split('\n');
  return [...lines, ...data.map((line) => `data: ${line}`), '', ''].join(end);
}

describe('a stream that not all may be told of', () => {
  test('leaves out exactly what tells of hidden resources, wherever the chunks end', () => {
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 5 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        anyCuts,
        (events, end, cuts) => {
          const text = (some: readonly AnyEvent[]) => some.map((one) => write(one, end)).join('');
          const open = events.filter(({ message: value }) => !tellsSecret(value));
          const passed = pass(text(events), cuts);
          expect(parse(passed)).toEqual(parse(text(open)));
          // The line feed behind a carriage return that ended an event may stay, as an empty line.
          if (open.length === events.length || end !== '\r\n') expect(passed).toBe(text(open));
        },
      ),
    );
  });

  test('passes comments at once, also within an event that is held back', () => {
    const { stream } = gatedStream();
    const out = (text: string) => Buffer.concat(stream.write(Buffer.from(text))).toString();
    expect(out(': ping\n')).toBe(': ping\n');
    expect(out('id: 1\r\ndata: {"jsonrpc":')).toBe('');
    expect(out('"2.0",\r\n: ping\r\n')).toBe(': ping\r\n');
    expect(out('data: "result":')).toBe('');
    expect(out('1}\r\n\r\n')).toBe('id: 1\r\ndata: {"jsonrpc":"2.0",\r\ndata: "result":1}\r\n\r\n');
  });

  test('is read behind a byte order mark, too', () => {
    const [secret, open] = ['a:secret', 'a:open'].map(
      (uri) => `data: ${JSON.stringify(updated(uri))}\n\n`,
    );
    for (let at = 0; at < 12; at += 1) {
      expect(pass(`\ufeff${secret}${open}`, [at])).toBe(open);
      expect(pass(`\ufeff: a comment\n\n`, [at])).toBe(': a comment\n\n');
    }
    expect(pass(`\n\ufeff${secret}`, [])).toBe(`\n\ufeff${secret}`);
  });

  test('passes a response of any size as it comes', () => {
    const { stream } = gatedStream();
    const chunk = Buffer.from(`data: {"jsonrpc":"2.0","id":1,"result":{"text":"${'x'.repeat(99)}`);
    expect(stream.write(chunk)).not.toEqual([]);
    const more = Buffer.alloc(3_000_000, 'x');
    expect(stream.write(more)).toEqual([more]);
    expect(stream.overflowed).toBe(false);
  });

  test('holds back no more than its bound', () => {
    const { stream } = gatedStream();
    stream.write(Buffer.from('data: {"jsonrpc":"2.0","params":{"text":"'));
    for (let count = 0; count < 11; count += 1) stream.write(Buffer.alloc(100_000, 'x'));
    expect(stream.overflowed).toBe(true);
  });

  test('can’t go on with an event that answers a request besides', () => {
    const { stream, gate } = gatedStream();
    stream.write(Buffer.from(`data: ${JSON.stringify([updated('a:secret'), { result: {} }])}\n\n`));
    expect(gate.failure).toBe('upstream_invalid');
  });
});

describe('an event of our own', () => {
  test('stands between those of the stream, whenever it is put in', () => {
    const own = 'event: message\ndata: own\n\n';
    fc.assert(
      fc.property(
        fc.array(event, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.array(fc.nat(), { maxLength: 4 }),
        anyCuts,
        (events, end, whens, cuts) => {
          const { stream } = gatedStream();
          const open = events.filter(({ message: value }) => !tellsSecret(value));
          const chunks = cutBytes(Buffer.from(events.map((one) => write(one, end)).join('')), cuts);
          let text = '';
          chunks.forEach((chunk, index) => {
            for (const when of whens) {
              if (when % chunks.length === index) text += stream.insert(Buffer.from(own)) ?? '';
            }
            text += Buffer.concat(stream.write(chunk)).toString();
          });
          const parsed = parse(text);
          expect(parsed.filter(({ data }) => data === 'own')).toHaveLength(whens.length);
          expect(parsed.filter(({ data }) => data !== 'own')).toEqual(
            parse(open.map((one) => write(one, end)).join('')),
          );
        },
      ),
    );
  });
});
