import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EventStreamRewriter } from '../../../data-plane/mcp/event-stream-rewriter.ts';
import {
  JsonRewriter,
  type PathNode,
  type TappedValue,
} from '../../../data-plane/mcp/json-rewriter.ts';
import { anyCuts, cutBytes } from '../../support/byte-chunks.ts';

const places: PathNode = {
  children: {
    result: {
      tap: 'response',
      children: { id: { rewrite: 'id' }, list: { children: { '*': { rewrite: 'id' } } } },
    },
    error: { tap: 'response', children: { code: { tap: 'code' } } },
  },
};

const rewriting = {
  rewrite: (_name: string, value: string) => `<${value}>`,
  take: (_name: string, value: Buffer) => value,
  closing: () => '',
};

interface Outcome {
  readonly text: string;
  readonly taps: [string, TappedValue][];
}

function rewrite(text: string, cuts: readonly number[]): Outcome {
  const taps: Outcome['taps'] = [];
  const rewriter = new JsonRewriter(places, {
    ...rewriting,
    tap: (name, value) => taps.push([name, value]),
  });
  const out = cutBytes(Buffer.from(text), cuts).flatMap((chunk) => rewriter.write(chunk));
  rewriter.reset();
  return { text: Buffer.concat(out).toString(), taps };
}

const taking: PathNode = {
  children: {
    result: {
      tap: 'response',
      closing: 'result',
      children: { list: { take: 'list' }, n: { take: 'n' } },
    },
  },
};

/** What is taken is put between angle brackets; the result is closed with this text. */
function take(text: string, cuts: readonly number[], closing = '') {
  const taken: [string, string][] = [];
  const rewriter = new JsonRewriter(taking, {
    ...rewriting,
    tap: () => undefined,
    take: (name, value) => {
      taken.push([name, value.toString()]);
      return Buffer.from(`<${value.toString()}>`);
    },
    closing: () => closing,
  });
  const out = cutBytes(Buffer.from(text), cuts).flatMap((chunk) => rewriter.write(chunk));
  rewriter.reset();
  return { text: Buffer.concat(out).toString(), taken, failure: rewriter.failure };
}

describe('rewriting JSON while it streams', () => {
  test('changes nothing but the named strings, wherever the chunks end', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 20 }),
        fc.array(fc.string(), { maxLength: 4 }),
        fc.jsonValue({ maxDepth: 4 }),
        fc.nat(2),
        anyCuts,
        (id, list, other, space, cuts) => {
          const write = (value: object) => JSON.stringify(value, undefined, space);
          const text = write({ other, result: { other, id, list, more: { id } }, id });
          const changed = {
            other,
            result: { other, id: `<${id}>`, list: list.map((item) => `<${item}>`), more: { id } },
            id,
          };
          const answer = rewrite(text, cuts);
          expect(JSON.parse(answer.text)).toEqual(JSON.parse(write(changed)));
          expect(answer.taps).toEqual([['response', undefined]]);
        },
      ),
    );
  });

  test('leaves the bytes of everything else as they came', () => {
    const before = '{ "result" : {"big":12345678901234567890.10, "id":';
    const after = ',\t"e":1e+2 , "u":"\\u00e9\\/"} }';
    expect(rewrite(`${before}"x"${after}`, [3, 17, 51, 52]).text).toBe(`${before}"<x>"${after}`);
  });

  test('reports scalars', () => {
    const scalar = fc.oneof(fc.integer(), fc.boolean(), fc.string({ maxLength: 9 }));
    fc.assert(
      fc.property(scalar, anyCuts, (code, cuts) => {
        const text = JSON.stringify({ id: 1, error: { message: 'no', code } });
        expect(rewrite(text, cuts).taps).toEqual([
          ['response', undefined],
          ['code', code],
        ]);
      }),
    );
  });

  test('takes values of any kind whole, wherever the chunks end', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }),
        fc.jsonValue({ maxDepth: 2 }),
        fc.nat(2),
        anyCuts,
        (value, other, space, cuts) => {
          const write = (n: unknown) => JSON.stringify(n, undefined, space);
          const text = (n: string) =>
            `{ "list":1,"result": {"o":${write(other)},"n" :${n} , "list":${n}}, "n":[]}`;
          const one = write(value);
          const answer = take(text(one), cuts);
          expect(answer.text).toBe(text(`<${one}>`));
          expect(answer.taken).toEqual([
            ['n', one],
            ['list', one],
          ]);
          expect(answer.failure).toBeUndefined();
        },
      ),
    );
  });

  test.each([
    ['{"result":{}}', '{"result":{"x":1}}'],
    ['{"result": { } }', '{"result": { "x":1} }'],
    ['{"result":{"a":{}}}', '{"result":{"a":{},"x":1}}'],
    ['{"result":{"n":1\n}}', '{"result":{"n":<1>\n,"x":1}}'],
    ['{"result":[{}]}', '{"result":[{}]}'],
    ['[{"result":{}}]', '[{"result":{}}]'],
  ])('puts members at the end of an object: %s', (text, closed) => {
    for (let at = 0; at <= text.length; at += 1) {
      expect(take(text, [at], '"x":1').text).toBe(closed);
    }
  });

  test.each(['{"result":{"list":[1,{"a":"]', '{"result":{"n":"abc\\"', '{"result":{"n":1'])(
    'can’t relay a text that ends within a taken value: %s',
    (text) => {
      expect(take(text, [12])).toMatchObject({ failure: 'upstream_invalid', taken: [] });
    },
  );

  test('holds no more of a value than its bound', () => {
    const item = `"${'x'.repeat(100_000)}"`;
    const list = (count: number) => `{"result":{"list":[${Array(count).fill(item).join()}]}}`;
    expect(take(list(41), [1000]).failure).toBeUndefined();
    expect(take(list(42), [1000])).toMatchObject({ failure: 'upstream_too_large', taken: [] });
  });

  test('passes what is no JSON as it is', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 60 }).filter((text) => !text.includes('"')),
        anyCuts,
        (text, cuts) => {
          expect(rewrite(text, cuts).text).toBe(text);
        },
      ),
    );
  });
});

function rewriteEvents(text: string, cuts: readonly number[]): Outcome & { events: number } {
  const taps: Outcome['taps'] = [];
  let events = 0;
  const json = new JsonRewriter(places, {
    ...rewriting,
    tap: (name, value) => taps.push([name, value]),
  });
  const onEventEnd = () => {
    events += 1;
  };
  const stream = new EventStreamRewriter(json, { onEventEnd });
  const out = cutBytes(Buffer.from(text), cuts).flatMap((chunk) => stream.write(chunk));
  return { text: Buffer.concat(out).toString(), taps, events };
}

describe('rewriting server-sent events while they stream', () => {
  test.each(['\n', '\r\n', '\r'])('keeps ids, comments, hints and line ends (%j)', (end) => {
    const lines = (id: string) =>
      [
        ': hello',
        'retry: 10',
        'id: 7',
        'event: message',
        `data: {"result":{"id":"${id}"}}`,
        '',
        '',
      ].join(end);
    fc.assert(
      fc.property(anyCuts, (cuts) => {
        const answer = rewriteEvents(lines('a') + lines('b'), cuts);
        expect(answer.text).toBe(lines('<a>') + lines('<b>'));
        expect(answer.taps).toHaveLength(2);
        expect(answer.events).toBe(2);
      }),
    );
  });

  test('reads a message that is spread over several data lines', () => {
    const answer = rewriteEvents('data:{"result":\ndata: {"id":"a"}}\n\n', [5, 20]);
    expect(answer.text).toBe('data:{"result":\ndata: {"id":"<a>"}}\n\n');
  });

  test('begins anew with each event, also after one that is cut off', () => {
    const answer = rewriteEvents('data: {"result":{\n\ndata: {"result":{"id":"a"}}\n\n', []);
    expect(answer.text).toContain('"id":"<a>"');
  });

  test('reads nothing in lines of other fields', () => {
    const text = 'dat: {"result":{"id":"a"}}\ndatas: {"result":{"id":"a"}}\n\n';
    expect(rewriteEvents(text, [2]).text).toBe(text);
  });
});
