import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { answerPlaces } from '../../../data-plane/mcp/answer-places.ts';
import { EventStreamRewriter } from '../../../data-plane/mcp/event-stream-rewriter.ts';
import { JsonRewriter } from '../../../data-plane/mcp/json-rewriter.ts';
import { ListNarrowing } from '../../../data-plane/pipeline/list-narrowing.ts';
import { anyCuts, cutBytes } from '../../support/byte-chunks.ts';

const places = answerPlaces({
  seals: true,
  lists: 'cacheable',
  updates: false,
  acknowledgment: false,
});

/** Passes bytes on to a caller who sees what begins with `v`. */
function narrowing() {
  const lists = new ListNarrowing({ shows: (_list, name) => name.startsWith('v') });
  const json = new JsonRewriter(places, {
    tap: (name) => {
      if (name === 'response') lists.begin();
    },
    rewrite: (_name, text) => text,
    take: (name, value) => lists.take(name, value),
    closing: () => lists.closing(),
  });
  return { json, lists };
}

function narrowJson(text: string, cuts: readonly number[]) {
  const { json, lists } = narrowing();
  const out = cutBytes(Buffer.from(text), cuts).flatMap((chunk) => json.write(chunk));
  json.reset();
  return { text: Buffer.concat(out).toString(), failure: json.failure ?? lists.failure };
}

function narrowEvents(text: string, cuts: readonly number[]) {
  const { json, lists } = narrowing();
  const stream = new EventStreamRewriter(json, { onEventEnd: () => undefined });
  const out = cutBytes(Buffer.from(text), cuts).flatMap((chunk) => stream.write(chunk));
  return { text: Buffer.concat(out).toString(), failure: json.failure ?? lists.failure };
}

const extras = fc.dictionary(
  fc.string({ maxLength: 3 }).filter((key) => key !== '*'),
  fc.jsonValue({ maxDepth: 3 }),
);
const name = fc.tuple(fc.constantFrom('v', 'h'), fc.string({ unit: 'binary', maxLength: 5 }));
const item = fc
  .tuple(name, extras)
  .map(([parts, others]) => ({ ...others, name: parts.join(''), tools: [{ name: 'h' }] }));

const result = fc.record(
  {
    other: extras,
    tools: fc.array(item, { maxLength: 5 }),
    prompts: fc.array(item, { maxLength: 2 }),
    nextCursor: fc.string(),
    ttlMs: fc.oneof(fc.nat(120_000), fc.jsonValue({ maxDepth: 1 })),
    cacheScope: fc.oneof(fc.constantFrom('public', 'private'), fc.jsonValue({ maxDepth: 1 })),
  },
  { requiredKeys: [] },
);

type Result = typeof result extends fc.Arbitrary<infer Value> ? Value : never;

function visible({ tools, prompts, ttlMs, ...others }: Result) {
  const shown = (items: readonly { name: string }[]) =>
    items.filter((one) => one.name.startsWith('v'));
  const isTime = typeof ttlMs === 'number' && Number.isInteger(ttlMs) && ttlMs >= 0;
  const capped = typeof ttlMs === 'number' && ttlMs > 60_000 ? 60_000 : isTime ? ttlMs : 0;
  return {
    ...others,
    ...(tools && { tools: shown(tools) }),
    ...(prompts && { prompts: shown(prompts) }),
    cacheScope: 'private',
    ttlMs: capped === 0 ? 0 : capped,
  };
}

describe('an answer with lists', () => {
  test('is narrowed alike wherever its chunks end, as JSON and in events', () => {
    fc.assert(
      fc.property(result, fc.nat(2), anyCuts, (value, space, cuts) => {
        const message = { jsonrpc: '2.0', result: value, id: 1 };
        const text = JSON.stringify(message, undefined, space);
        const narrowed = narrowJson(text, cuts);
        expect(narrowed.failure).toBeUndefined();
        const expected = JSON.parse(JSON.stringify({ ...message, result: visible(value) }));
        expect(JSON.parse(narrowed.text)).toEqual(expected);
        expect(narrowJson(text, []).text).toBe(narrowed.text);
        for (const one of [...(value.tools ?? []), ...(value.prompts ?? [])]) {
          const bytes = JSON.stringify(one);
          if (space === 0 && one.name.startsWith('v')) expect(narrowed.text).toContain(bytes);
        }
        const event = `id: 7\ndata: ${text.replaceAll('\n', '\ndata: ')}\n\n`;
        const passed = narrowEvents(event, cuts);
        const data = passed.text.split('\n').map((line) => /^data: ?(.*)$/.exec(line)?.[1] ?? '');
        expect(JSON.parse(data.join('\n').replace('id: 7', ''))).toEqual(expected);
        expect(passed.text.startsWith('id: 7\n')).toBe(true);
      }),
    );
  });

  test('that isn’t whole can’t be relayed, unless nothing of it had to be read', () => {
    const text = '{"id":1,"result":{"tools":[{"name":"v"}],"ttlMs":1}}';
    for (let end = 0; end < text.length; end += 1) {
      const { failure, text: passed } = narrowJson(text.slice(0, end), []);
      const inList = end > text.indexOf('[') && end <= text.indexOf(']');
      const inTtl = end === text.length - 2;
      expect(failure).toBe(inList || inTtl ? 'upstream_invalid' : undefined);
      if (inList) expect(passed).not.toContain('name');
    }
  });
});
