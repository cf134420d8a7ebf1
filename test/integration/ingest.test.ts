import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { contracts } from '../../common/contracts.ts';
import {
  type ControlStreamSetup,
  eventually,
  type Replica,
  setUpControlStream,
} from '../support/control-stream.ts';
import { ScriptedNode } from '../support/control-stream-client.ts';
import { callEvent, ScriptedReporter } from '../support/control-stream-events.ts';

let setup: ControlStreamSetup;
let replica: Replica;
let organizationId: string;
let foreignId: string;
let groupId: string;
let token: string;
const reporters: ScriptedReporter[] = [];

function connect(address = replica.address, text = token): ScriptedReporter {
  const reporter = new ScriptedReporter(address, text);
  reporters.push(reporter);
  return reporter;
}

async function countLogs(organization = organizationId): Promise<number> {
  const [row] = await setup.rows.rows<{ count: number }>(
    'select count(*)::integer as count from request_logs where organization_id = ?',
    [organization],
  );
  return row?.count ?? -1;
}

interface Reject {
  readonly sequence: number;
  readonly error: string;
  readonly payload: Buffer;
}

async function rejects(spoolId: string): Promise<Reject[]> {
  return setup.rows.rows<Reject>(
    'select sequence::integer as sequence, error, payload from event_rejects where spool_id = ? order by 1',
    [spoolId],
  );
}

beforeAll(async () => {
  setup = await setUpControlStream();
  replica = await setup.replica();
  organizationId = await setup.rows.addOrganization('mine');
  foreignId = await setup.rows.addOrganization('foreign');
  groupId = await setup.rows.addGroup('group', [organizationId]);
  token = (await setup.rows.addToken(groupId, 'node')).text;
});

afterEach(async () => {
  await Promise.all(reporters.splice(0).map((reporter) => reporter.close()));
});

afterAll(async () => {
  await setup.close();
});

describe('event ingest', () => {
  test('a call becomes a request log entry with all that the node knows of it', async () => {
    const reporter = connect();
    const callId = randomUUID();
    const serverId = randomUUID();
    const heard: string[] = [];
    const stop = replica.feed.on('requestLogs', ({ organizationIds }) => {
      heard.push(...(organizationIds === 'many' ? [] : organizationIds));
    });
    const acknowledgment = await reporter.report(randomUUID(), [
      callEvent(1, organizationId, {
        callId,
        serverId,
        credentialId: 'abcdefghijkl',
        rpcErrorCode: -32602,
        decision: 'DECISION_REFUSED',
        reason: 'credential_expired',
        traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
        clientAddress: '127.0.0.1',
        configRevision: 7,
      }),
    ]);
    expect(acknowledgment).toMatchObject({ acknowledgedSequence: 1, rejectedCount: 0 });
    const [row] = await setup.rows.rows('select * from request_logs where call_id = ?', [callId]);
    expect(row).toMatchObject({
      organization_id: organizationId,
      server_id: serverId,
      endpoint_id: null,
      phase: 'complete',
      decision: 'refused',
      reason: 'credential_expired',
      rpc_error_code: -32602,
      http_status: 200,
      method: 'tools/call',
      target: 'echo',
      era: 'legacy',
      trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
      outcome: 'completed',
    });
    await eventually(
      () => heard,
      (ids) => ids.includes(organizationId),
    );
    stop();
  });

  test('nothing counts twice: sent again, overlapping, by two streams and two replicas at once', async () => {
    const other = await setup.replica();
    const spoolId = randomUUID();
    const before = await countLogs();
    const events = Array.from({ length: 60 }, (_, index) => callEvent(index + 1, organizationId));
    const first = connect();
    await first.report(spoolId, events.slice(0, 20));
    expect(await first.report(spoolId, events.slice(0, 20))).toMatchObject({
      acknowledgedSequence: 20,
    });
    await first.report(spoolId, events.slice(10, 30));
    const second = connect(other.address);
    const results = await Promise.all([
      first.report(spoolId, events.slice(20, 50)),
      second.report(spoolId, events.slice(25, 60)),
      connect().report(spoolId, events.slice(0, 60)),
    ]);
    expect(Math.max(...results.map((one) => one.acknowledgedSequence))).toBe(60);
    expect(await second.report(spoolId, [])).toMatchObject({ acknowledgedSequence: 60 });
    expect((await countLogs()) - before).toBe(60);
  });

  test('a spool that dropped events may leave a gap, and no mark goes back', async () => {
    const spoolId = randomUUID();
    const before = await countLogs();
    const reporter = connect();
    await reporter.report(spoolId, [callEvent(5, organizationId)]);
    const gap = { atMs: Date.now(), droppedCount: 94, cause: 'spool_full' };
    await reporter.report(spoolId, [{ sequence: 100, gap }, callEvent(101, organizationId)]);
    expect(await reporter.report(spoolId, [callEvent(50, organizationId)])).toMatchObject({
      acknowledgedSequence: 101,
    });
    expect((await countLogs()) - before).toBe(2);
    expect(
      await setup.rows.rows(
        `select sequence::integer as sequence, dropped_count::integer as dropped, cause
         from event_gaps where spool_id = ?`,
        [spoolId],
      ),
    ).toEqual([{ sequence: 100, dropped: 94, cause: 'spool_full' }]);
  });

  test('refusals of strangers are kept as counts', async () => {
    const now = Date.now();
    const refusals = {
      windowStartMs: now - 1000,
      windowEndMs: now,
      reason: 'credential_missing',
      addressBlock: '192.0.2.0/24',
      count: 12,
    };
    const spoolId = randomUUID();
    await connect().report(spoolId, [
      { sequence: 1, refusals: { ...refusals, organizationId } },
      { sequence: 2, refusals },
    ]);
    expect(
      await setup.rows.rows(
        `select organization_id, reason, address_block, count::integer as count
         from request_refusals order by organization_id nulls last`,
      ),
    ).toEqual([
      {
        organization_id: organizationId,
        reason: 'credential_missing',
        address_block: '192.0.2.0/24',
        count: 12,
      },
      {
        organization_id: null,
        reason: 'credential_missing',
        address_block: '192.0.2.0/24',
        count: 12,
      },
    ]);
  });

  test('what can’t be written is kept as rejected with its reason, and never blocks the rest', async () => {
    const spoolId = randomUUID();
    const before = await countLogs();
    const events = [
      callEvent(1, organizationId),
      callEvent(2, foreignId),
      callEvent(3, randomUUID()),
      callEvent(4, organizationId, { subject: 'a\u0000b' }),
      callEvent(5, organizationId, { callId: 'nonsense' }),
      callEvent(6, organizationId, { decision: 'DECISION_UNSPECIFIED' }),
      callEvent(7, organizationId, { reason: 'x'.repeat(5000) }),
      callEvent(8, organizationId, { startedAtMs: 0 }),
      callEvent(9, organizationId, { responseBytes: '18446744073709551615' }),
      { sequence: 10 },
      callEvent(11, organizationId, { era: 'ancient' }),
      callEvent(12, organizationId),
    ];
    const acknowledgment = await connect().report(spoolId, events);
    expect(acknowledgment).toMatchObject({ acknowledgedSequence: 12, rejectedCount: 10 });
    expect((await countLogs()) - before).toBe(2);
    expect(await countLogs(foreignId)).toBe(0);
    const kept = await rejects(spoolId);
    expect(kept.map(({ sequence }) => sequence)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(kept[0]?.error).toContain('not one of the node’s group');
    expect(kept[2]?.error).toContain('NUL');
    const first = contracts.events.Event.deserialize(kept[0]?.payload ?? Buffer.alloc(0));
    expect(first.call?.organizationId).toBe(foreignId);
    // Sent again, they are neither kept twice nor in the way.
    expect(await connect().report(spoolId, events)).toMatchObject({ acknowledgedSequence: 12 });
    expect(await rejects(spoolId)).toHaveLength(10);
  });

  test('a client can’t keep its call out of the record by what it calls its tool', async () => {
    const callId = randomUUID();
    const target = `${'x'.repeat(9000)}\u0000`;
    await connect().report(randomUUID(), [
      callEvent(1, organizationId, { callId, target, method: 'tools\u0000/call' }),
    ]);
    const [row] = await setup.rows.rows<{ method: string; target: string }>(
      'select method, target from request_logs where call_id = ?',
      [callId],
    );
    expect(row?.method).toBe('tools\ufffd/call');
    expect(row?.target).toHaveLength(8192);
  });

  test('a batch of thousands is written as one', async () => {
    const spoolId = randomUUID();
    const before = await countLogs();
    const events = Array.from({ length: 3500 }, (_, index) =>
      callEvent(index + 1, index === 1700 ? foreignId : organizationId),
    );
    const acknowledgment = await connect().report(spoolId, events);
    expect(acknowledgment).toMatchObject({ acknowledgedSequence: 3500, rejectedCount: 1 });
    expect((await countLogs()) - before).toBe(3499);
  });

  test('a key’s last use is noted', async () => {
    const [key] = await setup.rows.addKeys(organizationId, 1);
    const [foreign] = await setup.rows.addKeys(foreignId, 1);
    await connect().report(randomUUID(), [
      callEvent(1, organizationId, { credentialId: key?.keyId ?? '' }),
      callEvent(2, organizationId, { credentialId: foreign?.keyId ?? '' }),
    ]);
    const used = (id: string | undefined) => async () => {
      const [row] = await setup.rows.rows<{ used: boolean }>(
        `select last_used_at > now() - interval '1 minute' as used from api_keys where id = ?`,
        [id],
      );
      return row?.used ?? false;
    };
    await eventually(used(key?.id), (value) => value);
    // Another organization's key is not touched by a node that may not write for it.
    expect(await used(foreign?.id)()).toBe(false);
  });

  test('configuration and events are of the same node', async () => {
    const node = new ScriptedNode({ address: replica.address, token });
    await node.until('welcome', () => node.welcomes.length > 0);
    const callId = randomUUID();
    await connect().report(randomUUID(), [callEvent(1, organizationId, { callId })]);
    const [row] = await setup.rows.rows<{ node_id: string }>(
      'select node_id from request_logs where call_id = ?',
      [callId],
    );
    expect(row?.node_id).toBe(node.welcomes[0]?.nodeId);
    await node.close();
  });

  test('a rotated token goes on with the same spool', async () => {
    const spoolId = randomUUID();
    await connect().report(spoolId, [callEvent(1, organizationId)]);
    const rotated = await setup.rows.addToken(groupId, 'node');
    const before = await countLogs();
    const reporter = connect(replica.address, rotated.text);
    expect(
      await reporter.report(spoolId, [callEvent(1, organizationId), callEvent(2, organizationId)]),
    ).toMatchObject({ acknowledgedSequence: 2 });
    expect((await countLogs()) - before).toBe(1);
  });

  test('a replica that dies between commit and acknowledgment leaves nothing to count twice', async () => {
    const spoolId = randomUUID();
    const before = await countLogs();
    const dying = await setup.replica();
    const events = Array.from({ length: 10 }, (_, index) => callEvent(index + 1, organizationId));
    const reporter = connect(dying.address);
    const lost = reporter.report(spoolId, events).catch(() => undefined);
    // The commit is there before the node hears of it, or the stream is cut before: both must do.
    await eventually(countLogs, (count) => count > before);
    await reporter.close();
    await lost;
    await dying.close();
    await connect().report(spoolId, [...events, callEvent(11, organizationId)]);
    expect((await countLogs()) - before).toBe(11);
  });

  test('no token, no write; and what is no batch ends the stream', async () => {
    const stranger = connect(replica.address, 'mcpgwn_nonsense');
    expect(await stranger.ended).toMatchObject({ code: status.UNAUTHENTICATED });
    const nameless = connect();
    await expect(nameless.report('spool', [])).rejects.toThrow('spool_id');
    const zero = connect();
    await expect(zero.report(randomUUID(), [callEvent(0, organizationId)])).rejects.toThrow(
      'sequence',
    );
    const tight = await setup.replica({ server: { batchEventsMax: 1 } });
    const large = connect(tight.address);
    const events = [callEvent(1, organizationId), callEvent(2, organizationId)];
    await expect(large.report(randomUUID(), events)).rejects.toThrow('at most 1');
  });

  test('a revoked token ends the event stream too', async () => {
    const brief = await setup.rows.addToken(groupId, 'brief');
    const reporter = connect(replica.address, brief.text);
    await reporter.report(randomUUID(), [callEvent(1, organizationId)]);
    await setup.rows.revokeToken(brief.rowId);
    expect(await reporter.ended).toMatchObject({ code: status.UNAUTHENTICATED });
  });
});

describe('should the database refuse a row that passed every check', () => {
  test('it is found, kept as rejected, and the rest is written', async () => {
    const owner = await setup.database.connect('owner');
    await owner.query(
      `alter table request_logs add constraint unforeseen check (target <> 'unforeseen')`,
    );
    try {
      const spoolId = randomUUID();
      const before = await countLogs();
      const events = Array.from({ length: 40 }, (_, index) =>
        callEvent(index + 1, organizationId, index % 13 === 7 ? { target: 'unforeseen' } : {}),
      );
      const acknowledgment = await connect().report(spoolId, events);
      expect(acknowledgment).toMatchObject({ acknowledgedSequence: 40, rejectedCount: 3 });
      expect((await countLogs()) - before).toBe(37);
      expect((await rejects(spoolId)).map(({ sequence }) => sequence)).toEqual([8, 21, 34]);
    } finally {
      await owner.query('alter table request_logs drop constraint unforeseen');
    }
  });
});
