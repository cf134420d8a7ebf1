import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { reasons } from '../../common/reasons.ts';
import { clients } from '../support/client-providers.ts';
import { startBreakingUpstream } from '../support/proxy-breaking-upstream.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import { modernRequest, type ProxyUpstream } from '../support/proxy-upstream.ts';

let node: ProxyHarness;
let upstream: ProxyUpstream;
let url: string;
let answer: (response: ServerResponse, id: unknown) => void;

beforeEach(async () => {
  upstream = await startBreakingUpstream((response, id) => answer(response, id));
  node = await new ProxyHarness({ pipeline: { idleTimeoutMs: 200 } }).start();
  url = node.serve('plain', upstream.url, { era: 'dual' });
});

afterEach(async () => {
  await node.close();
  await upstream.close();
});

const progress =
  'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}\n\n';

const callEcho = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'echo', arguments: {} },
};

/** Writes, and breaks off once that is on its way. */
function thenBreak(text: string) {
  return (response: ServerResponse) => {
    response.write(text, () => response.destroy());
  };
}

interface ErrorResponse {
  readonly id: unknown;
  readonly error: { readonly code: number; readonly data: Readonly<Record<string, unknown>> };
}

interface StreamEvent {
  readonly type: string;
  readonly id: string;
  readonly data: string;
}

/** The events that a client is given, as the specification of server-sent events has it. */
function eventsOf(text: string): StreamEvent[] {
  const blocks = text.split(/(?:\r\n|\r|\n){2}/).slice(0, -1);
  return blocks.map((block) => {
    const values: Record<string, string[]> = {};
    for (const line of block.split(/\r\n|\r|\n/)) {
      const [field = '', ...rest] = line.split(':');
      values[field] = [...(values[field] ?? []), rest.join(':').replace(/^ /, '')];
    }
    return {
      type: values['event']?.at(-1) ?? 'message',
      id: values['id']?.at(-1) ?? '',
      data: values['data']?.join('\n') ?? '',
    };
  });
}

/** The messages among them. */
function messagesOf(text: string): unknown[] {
  const messages = eventsOf(text).filter(({ type, data }) => type === 'message' && data !== '');
  return messages.map(({ data }) => JSON.parse(data) as unknown);
}

describe.each(clients)('%s', (_name, connect) => {
  test.each([
    ['is reset', 'upstream_closed', thenBreak(progress)],
    ['is reset before its first event', 'upstream_closed', thenBreak(': hello\n\n')],
    [
      'is cut within an event',
      'upstream_closed',
      thenBreak(`${progress}data: {"jsonrpc":"2.0","re`),
    ],
    ['goes silent', 'upstream_timeout', (response: ServerResponse) => response.write(progress)],
    [
      'ends without a response',
      'upstream_closed',
      (response: ServerResponse) => response.end(progress),
    ],
  ] as const)('is told when an answer %s', async (_how, reason, write) => {
    answer = write;
    const session = await connect({ url, apiKey: node.key });
    try {
      const call = session.call('echo', {}, { timeoutMs: 20_000 });
      await expect(call).rejects.toThrow(reasons[reason].message);
    } finally {
      await session.close();
    }
    const { rpcCode } = reasons[reason];
    expect(node.recorder.records.filter(({ method }) => method === 'tools/call')).toMatchObject([
      { decision: 'DECISION_FAILED', reason, httpStatus: 200, rpcErrorCode: rpcCode },
    ]);
  });

  test('has its answer when the stream breaks behind it', async () => {
    answer = (response, id) => {
      const result = { resultType: 'complete', content: [{ type: 'text', text: 'done' }] };
      thenBreak(`data: ${JSON.stringify({ jsonrpc: '2.0', id, result })}\n\n`)(response);
    };
    const session = await connect({ url, apiKey: node.key });
    expect(await session.call('echo')).toMatchObject({ text: 'done' });
    await session.close();
  });
});

describe('the last event of a broken stream', () => {
  test('carries the request’s id, the reason, the remedy and the trace', async () => {
    answer = thenBreak(progress);
    const text = await (await node.post(url, { ...callEcho, id: 'läng"\\' })).text();
    const { rpcCode: code, remedy } = reasons.upstream_closed;
    expect(messagesOf(text)).toMatchObject([
      { method: 'notifications/message' },
      {
        jsonrpc: '2.0',
        id: 'läng"\\',
        error: { code, data: { reason: 'upstream_closed', remedy, traceId: expect.any(String) } },
      },
    ]);
  });

  test('carries an id of more digits than a number holds', async () => {
    answer = thenBreak(progress);
    const body = JSON.stringify(callEcho).replace('"id":1', '"id":12345678901234567890123');
    expect(await (await node.post(url, body)).text()).toContain('"id":12345678901234567890123,');
  });

  const response = '{"jsonrpc":"2.0","id":1,"result":{"content":[]}}';

  test.each([
    ['a field', `${progress}da`],
    ['a comment', `${progress}: still he`],
    ['a name', `${progress}event: mess`],
    ['its data', `${progress}event: message\ndata: {"jsonrpc":"2.0","id":1,"res`],
    ['its end: the line', `${progress}data: ${response}`],
    ['its end: the blank line', `${progress}event: message\ndata: ${response}\n`],
    ['a pair of carriage return and line feed', `${progress}data: ${response}\r`],
    ['an event with an id', `${progress}id: 7\ndata: ${response}\n`],
    ['an id', `${progress}id: 7`],
    ['a character', Buffer.from(`${progress}data: {"a":"ü`).subarray(0, -1)],
  ])('stands by itself when the upstream’s was cut within %s', async (_where, sent) => {
    answer = thenBreak(sent as string);
    const text = await (await node.post(url, callEcho)).text();
    expect(messagesOf(text)).toMatchObject([
      { method: 'notifications/message' },
      { id: 1, error: { data: { reason: 'upstream_closed' } } },
    ]);
    expect(eventsOf(text).filter(({ id }) => id !== '')).toEqual([]);
    for (const { type, data } of eventsOf(text)) {
      if (type !== 'message') expect(() => JSON.parse(data)).toThrow();
    }
  });

  test('comes only once the record of the failure is on disk', async () => {
    const organization = node.snapshot.addOrganization('audited', { mustAudit: true });
    node.snapshot.addServer(organization, 'plain', [upstream.url], { era: 'dual' });
    const authorization = `Bearer ${node.snapshot.addKey(organization, 'user:1')}`;
    const flushing = Promise.withResolvers<void>();
    node.recorder.flushing = flushing.promise;
    answer = thenBreak(progress);
    const reply = await node.post(`${node.baseUrl}/audited/plain/mcp`, callEcho, { authorization });
    let text = '';
    const read = (async () => {
      for await (const chunk of reply.body ?? []) text += Buffer.from(chunk).toString();
    })();
    await node.recorder.until(({ reason }) => reason === 'upstream_closed');
    // Another call goes all the way meanwhile.
    await (await node.post(url, callEcho)).text();
    expect(messagesOf(text)).toMatchObject([{ method: 'notifications/message' }]);
    flushing.resolve();
    await read;
    expect(messagesOf(text)[1]).toMatchObject({ error: { data: { reason: 'upstream_closed' } } });
  });
});

describe('a stream whose events have ids', () => {
  test('is cut as it came, for a legacy client resumes it', async () => {
    answer = thenBreak(`id: 1\ndata:\n\n${progress}`);
    const reply = await node.post(url, callEcho);
    await expect(reply.text()).rejects.toThrow();
    expect(node.recorder.records).toMatchObject([
      { decision: 'DECISION_FAILED', reason: 'upstream_closed', rpcErrorCode: 0 },
    ]);
  });

  test('ends as it came, for a legacy client comes back', async () => {
    answer = (response) => response.end('id: 1\nretry: 10\ndata:\n\n');
    const reply = await node.post(url, callEcho);
    expect(await reply.text()).toBe('id: 1\nretry: 10\ndata:\n\n');
    expect(node.recorder.records).toMatchObject([{ decision: 'DECISION_ALLOWED' }]);
  });

  test('gets its last event in the modern era, which resumes nothing', async () => {
    answer = thenBreak(`id: 1\ndata:\n\n${progress}`);
    const { message, headers } = modernRequest('tools/call', { name: 'echo', arguments: {} });
    const messages = messagesOf(await (await node.post(url, message, headers)).text());
    const last = messages.at(-1) as ErrorResponse;
    expect(last.error.data['reason']).toBe('upstream_closed');
  });
});
