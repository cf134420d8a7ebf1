import { STATUS_CODES } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { type ReasonCode, reasons } from '../../common/reasons.ts';
import { startFaultyUpstream } from '../support/client-faulty-upstream.ts';
import { clients } from '../support/client-providers.ts';
import {
  provocations,
  refusedInBackground,
  refusedLater,
  type Stage,
} from '../support/client-provocations.ts';
import { startReference, type UpstreamProcess } from '../support/client-upstreams.ts';
import { ProxyHarness } from '../support/proxy-harness.ts';
import type { UpstreamServer } from '../support/upstream-server.ts';

/** What both SDKs throw, or tell `onerror`, when a request is not answered with success. */
const transportError = z.looseObject({
  message: z.string(),
  code: z.union([z.number(), z.string()]),
  status: z.number().optional(),
  data: z.looseObject({ text: z.string().optional() }).optional(),
});

const replyBody = z.object({
  error: z.object({
    code: z.number(),
    message: z.string(),
    data: z.looseObject({ reason: z.string(), remedy: z.string(), traceId: z.string() }),
  }),
});

/** What the client's user sees first, and what a program finds in the error. */
function shownBy(thrown: unknown) {
  const error = transportError.parse(thrown);
  const text = error.data?.text ?? error.message.slice(error.message.indexOf('{'));
  const { code, message, data } = replyBody.parse(JSON.parse(text)).error;
  return {
    headline: error.message.replace(/: \{.*$/s, ''),
    status: error.status ?? error.code,
    code,
    // A detail in brackets may follow the sentence.
    message: message.replace(/ \([^()]*\)$/, ''),
    reason: data.reason,
    remedy: data.remedy,
  };
}

/** The first words of each client's error. The sentence of the reason follows where a JSON body is quoted. */
function headline(client: string, status: number, later: boolean): string {
  if (client === 'SDK 1.32') return 'Streamable HTTP error: Error POSTing to endpoint';
  // The automatic probe takes these for the server's last word; of others it tries to initialize.
  if (client === 'SDK 2.4 (auto)' && !later) {
    if (status === 401) {
      return 'Version negotiation failed: the server requires authorization (HTTP 401)';
    }
    if (status === 403) return 'Version negotiation failed: the server denied access (HTTP 403)';
    if (status >= 500) {
      return `Version negotiation failed: the server answered the probe with HTTP ${status}`;
    }
  }
  return 'Error POSTing to endpoint';
}

describe('what a client shows its user', () => {
  let reference: UpstreamProcess;
  let faulty: UpstreamServer;
  let harness: ProxyHarness;
  let stage: Stage;

  beforeAll(async () => {
    reference = await startReference();
    faulty = await startFaultyUpstream();
    harness = await new ProxyHarness().start();
    stage = { harness, faulty, referenceUrl: reference.url, recorded: [] };
  });

  afterAll(async () => {
    await harness.close();
    await faulty.close();
    await reference.stop();
  });

  describe.each(clients)('%s', (client, connect, era) => {
    const isUnseen = (reason: string) => era === 'legacy' && refusedInBackground.has(reason);
    const met = Object.entries(provocations).filter(
      ([reason]) => era === 'legacy' || reason !== 'session_unknown',
    );

    test.each(met.filter(([reason]) => !isUnseen(reason)))('%s', async (reason, provoke) => {
      const row = reasons[reason as ReasonCode];
      const shown = await provoke(stage, connect).then(
        () => 'nothing: the call succeeded',
        (error: unknown) => shownBy(error),
      );
      expect(shown).toEqual({
        headline: headline(client, row.httpStatus, refusedLater.has(reason)),
        status: row.httpStatus,
        code: row.rpcCode,
        message: row.message,
        reason,
        remedy: row.remedy,
      });
    });

    const unseen = met.filter(([reason]) => isUnseen(reason));
    if (unseen.length === 0) return;

    // These clients don't read the body: the reason is found in the request log.
    test.each(unseen)('%s, as a status alone', async (reason, provoke) => {
      const { httpStatus } = reasons[reason as ReasonCode];
      const error = transportError.parse(await provoke(stage, connect).catch((thrown) => thrown));
      expect([error.message, error.status ?? error.code]).toEqual([
        `${client === 'SDK 1.32' ? 'Streamable HTTP error: ' : ''}Failed to open SSE stream: ${STATUS_CODES[httpStatus]}`,
        httpStatus,
      ]);
      expect(stage.recorded).toContain(reason);
    });
  });
});
