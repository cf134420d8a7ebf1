import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { hashCredential, newCredential } from '../../common/credential.ts';
import { checkResource, receivedResource } from '../../data-plane/snapshot/held-resource.ts';
import { ResourceState } from '../../data-plane/snapshot/resource-state.ts';
import type { Resource } from '../../proto/gen/mcpgw/discovery/v1/Resource.ts';
import {
  apiKey,
  organization,
  policy,
  sealKeyRing,
  server,
} from '../support/control-plane-double-resources.ts';
import { testPolicy } from '../support/policy-call.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import {
  answerResult,
  modernRequest,
  type ProxyUpstream,
  type SeenRequest,
  startProxyUpstream,
} from '../support/proxy-upstream.ts';

let node: ProxyHarness;
let upstream: ProxyUpstream;
let url: string;
let answer: (request: SeenRequest, response: ServerResponse) => void;

beforeEach(async () => {
  upstream = await startProxyUpstream((request, response) => answer(request, response));
  node = await new ProxyHarness().start();
  url = node.serve('files', upstream.url, { era: 'modern' });
});

afterEach(async () => {
  await node.close();
  await upstream.close();
});

function rules(...policies: Parameters<typeof node.snapshot.setPolicies>[1]): void {
  node.snapshot.setPolicies(node.organization, policies);
  node.publish();
}

function postModern(method: string, params: Record<string, unknown>) {
  const request = modernRequest(method, params);
  return node.post(url, request.message, request.headers);
}

async function reasonOf(response: Response): Promise<string> {
  const text = await response.text();
  const body = JSON.parse(text.replace(/^[\s\S]*?data: /, '')) as {
    error?: { data?: { reason?: string } };
  };
  return body.error?.data?.reason ?? 'allowed';
}

describe('a task', () => {
  const tool = 'long_job';

  async function begin(): Promise<string> {
    answer = (request, response) => answerResult(request, response, { task: { taskId: 'up-1' } });
    const response = await postModern('tools/call', { name: tool, arguments: { size: 1 } });
    const { result } = (await response.json()) as { result: { task: { taskId: string } } };
    return result.task.taskId;
  }

  test.each(['tasks/get', 'tasks/result', 'tasks/cancel', 'tasks/update'])(
    'obeys at %s the policies of the tool that made it, and not its arguments’',
    async (method) => {
      rules(testPolicy('small', { tools: [tool], condition: 'args.size > 10' }));
      const taskId = await begin();
      answer = (request, response) => answerResult(request, response, { taskId: 'up-1' });
      const allowed = await postModern(method, { taskId });
      expect(await allowed.json()).toMatchObject({ result: { taskId } });
      expect(upstream.seen.at(-1)?.body).toContain('"taskId":"up-1"');
      rules(testPolicy('no-jobs', { tools: ['long_*'] }));
      expect(await reasonOf(await postModern(method, { taskId }))).toBe('policy_denied');
      expect(node.recorder.records.at(-1)).toMatchObject({ method, target: tool });
      rules(testPolicy('no-others', { tools: ['short_*'] }));
      expect(await reasonOf(await postModern(method, { taskId }))).toBe('allowed');
    },
  );

  test('that nobody gave this caller is for the server to know nothing of', async () => {
    rules(testPolicy('no-jobs', { tools: ['*'] }));
    answer = (request, response) => answerResult(request, response, {});
    expect(await reasonOf(await postModern('tasks/get', { taskId: 'made-up' }))).toBe('allowed');
    expect(upstream.seen.at(-1)?.body).toMatch(/"taskId":"unknown-/);
  });

  test('keeps its id on a stream that only speaks of it', async () => {
    const taskId = await begin();
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const params = { taskId: 'up-1', status: 'completed' };
      const event = { jsonrpc: '2.0', method: 'notifications/tasks/status', params };
      response.end(`data: ${JSON.stringify(event)}\n\n`);
    };
    const stream = await postModern('subscriptions/listen', {
      notifications: { taskIds: [taskId] },
    });
    expect(await stream.text()).toContain(taskId);
  });
});

describe('an open subscription', () => {
  const open: ServerResponse[] = [];

  function listen(): Promise<Response> {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': open\n\n');
      open.push(response);
    };
    return postModern('subscriptions/listen', { notifications: { toolsListChanged: true } });
  }

  test('ends when a policy comes to deny it, and says which', async () => {
    rules(testPolicy('others', { tools: ['x'] }));
    const stream = await listen();
    expect(stream.status).toBe(200);
    rules(testPolicy('no-streams', { methods: ['subscriptions/listen'], message: 'Poll.' }));
    const text = await stream.text();
    expect(text).toContain('\\"no-streams\\": Poll.');
    const end = await node.recorder.until(({ phase }) => phase === 'CALL_PHASE_END');
    expect(end).toMatchObject({
      outcome: 'revoked',
      reason: 'policy_denied',
      policyId: 'no-streams',
      decision: 'DECISION_FAILED',
    });
  });

  test('goes on while no policy is about it', async () => {
    const stream = await listen();
    rules(testPolicy('no-tools', { tools: ['*'] }), testPolicy('nobody', { roles: ['other'] }));
    open.at(-1)?.end('data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n');
    expect(await stream.text()).toContain('"result":{}');
  });

  test('counts the roles that its key has now', async () => {
    rules(testPolicy('no-auditors', { methods: ['subscriptions/*'], roles: ['auditor'] }));
    const stream = await listen();
    const [key] = node.snapshot.apiKeys.values();
    if (key === undefined) throw new Error('There is no key.');
    node.snapshot.apiKeys.set(key.keyId, { ...key, roles: ['auditor'] });
    node.publish();
    expect(await stream.text()).toContain('no-auditors');
  });
});

/** A node's state with a policy set whose every policy is of the revision that the snapshot has. */
class Generations {
  readonly key = newCredential('apiKey');
  #state: ResourceState;

  constructor(upstreamUrl: string) {
    this.#state = this.#with(ResourceState.empty(), [
      sealKeyRing(),
      organization('acme', { policyDefault: 'POLICY_DEFAULT_DENY' } as object),
      apiKey(this.key.id, 'acme', {
        secretHash: hashCredential(this.key.text),
        roles: ['agent'],
        scopes: ['mcp:*'],
      } as object),
      server('files', 'acme', {
        era: 'ERA_LEGACY',
        endpoints: [{ id: 'e', url: upstreamUrl, weight: 1 }],
      } as object),
    ]);
  }

  #with(state: ResourceState, resources: readonly Resource[]): ResourceState {
    const editor = state.edit();
    for (const resource of resources) editor.put(checkResource(receivedResource(resource)));
    return editor.finish('e', state.revision + 1);
  }

  /** Even revisions allow both tools, each by a policy of its own; odd ones neither, each by another. */
  next() {
    const revision = this.#state.revision + 1;
    const effect = revision % 2 === 0 ? 'POLICY_EFFECT_ALLOW' : 'POLICY_EFFECT_DENY';
    const rule = (id: string) => policy(id, 'acme', { revision, effect, tools: [id] });
    this.#state = this.#with(this.#state, [rule('one'), rule('two')]);
    const { snapshot } = this.#state;
    if (snapshot === undefined) throw new Error('There is no snapshot.');
    return snapshot;
  }
}

describe('a set that is replaced under load', () => {
  test('decides each call as a whole: no call is decided half by one set and half by the next', async () => {
    answer = (request, response) => {
      const messages = JSON.parse(request.body) as { id: number }[];
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(messages.map(({ id }) => ({ jsonrpc: '2.0', id, result: {} }))));
    };
    const generations = new Generations(upstream.url.toString());
    node.putInForce(generations.next());
    const path = `${node.baseUrl}/acme/files/mcp`;
    const call = (name: string, id: number) => ({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name },
    });
    const batch = JSON.stringify([call('one', 1), call('two', 2)]);
    const headers = {
      authorization: `Bearer ${generations.key.text}`,
      'mcp-protocol-version': '2025-03-26',
    };
    let calls = 0;
    const until = performance.now() + 2000;
    const caller = async (): Promise<void> => {
      while (performance.now() < until) {
        const response = await node.post(path, batch, headers);
        await response.text();
        calls += 1;
      }
    };
    const changer = setInterval(() => node.putInForce(generations.next()), 3);
    try {
      await Promise.all(Array.from({ length: 16 }, caller));
    } finally {
      clearInterval(changer);
    }
    const { records } = node.recorder;
    expect(records).toHaveLength(calls * 2);
    const outcomes = new Set<string>();
    for (let index = 0; index < records.length; index += 2) {
      const [one, two] = [records[index], records[index + 1]];
      expect(one?.policyRevision).toBe(two?.policyRevision);
      expect(one?.policyRevision).toBe(one?.configRevision);
      expect(one?.decision).toBe(two?.decision);
      const isEven = Number(one?.policyRevision) % 2 === 0;
      expect(one?.decision).toBe(isEven ? 'DECISION_ALLOWED' : 'DECISION_REFUSED');
      outcomes.add(String(one?.decision));
    }
    expect(outcomes.size).toBe(2);
  });

  test('denies a call that waited for its body while it was replaced', async () => {
    answer = (request, response) => answerResult(request, response, {});
    const generations = new Generations(upstream.url.toString());
    const before = generations.next();
    const accepted = Promise.withResolvers<void>();
    node.putInForce({
      ...before,
      organization: (slug) => {
        accepted.resolve();
        return before.organization(slug);
      },
    });
    const { readable, writable } = new TransformStream<Uint8Array>();
    const body = writable.getWriter();
    const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'one' } };
    const [begun, rest] = [JSON.stringify(message).slice(0, 9), JSON.stringify(message).slice(9)];
    const response = fetch(`${node.baseUrl}/acme/files/mcp`, {
      method: 'POST',
      headers: {
        ...node.headers(),
        authorization: `Bearer ${generations.key.text}`,
        'content-type': 'application/json',
      },
      body: readable,
      duplex: 'half',
    });
    await body.write(Buffer.from(begun));
    await accepted.promise;
    const after = generations.next();
    node.putInForce(after);
    await body.write(Buffer.from(rest));
    await body.close();
    expect(await reasonOf(await response)).toBe('policy_denied');
    const { revision } = after;
    expect(node.recorder.records).toMatchObject([
      { policyId: 'one', policyRevision: revision, configRevision: revision },
    ]);
    expect(upstream.seen).toEqual([]);
  });
});
