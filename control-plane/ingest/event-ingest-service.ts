import { Metadata, type ServerDuplexStream } from '@grpc/grpc-js';
import type { Logger } from '../../common/logging.ts';
import type { EventAcknowledgmentInput } from '../../proto/gen/mcpgw/events/v1/EventAcknowledgment.ts';
import type { EventBatch } from '../../proto/gen/mcpgw/events/v1/EventBatch.ts';
import type { EventIngestHandlers } from '../../proto/gen/mcpgw/events/v1/EventIngest.ts';
import { MessageChannel } from '../discovery/message-channel.ts';
import type { NodePrincipal } from '../discovery/node-authenticator.ts';
import type { NodeStreams } from '../discovery/node-streams.ts';
import { protocolViolation, unavailable } from '../discovery/stream-end.ts';
import type { Store } from '../store/store.ts';
import { uuidV7 } from '../store/uuid-v7.ts';
import { type WrittenBatch, writeEventBatch } from './event-batch-writer.ts';
import type { KeyUsage } from './key-usage.ts';

export interface EventIngestServiceOptions {
  readonly store: Store;
  readonly streams: NodeStreams;
  readonly keyUsage: KeyUsage;
  readonly logger: Logger;
  /** Events of one batch; a larger one ends the stream. */
  readonly batchEventsMax: number;
}

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `mcpgw.events.v1.EventIngest`: takes a batch, commits it, acknowledges it, takes the next. */
export class EventIngestService {
  readonly handlers: EventIngestHandlers;
  readonly #options: EventIngestServiceOptions;

  constructor(options: EventIngestServiceOptions) {
    this.#options = options;
    this.handlers = { StreamEvents: (call) => this.#stream(call) };
  }

  #stream(call: ServerDuplexStream<EventBatch, EventAcknowledgmentInput>): void {
    const channel = new MessageChannel(call);
    this.#options.streams.serve(channel, call.metadata, async (principal) => {
      const nodeId = await this.#nodeId(principal);
      // Tells the node that it is let in, before there is anything to acknowledge.
      call.sendMetadata(new Metadata());
      for (;;) {
        const batch = await channel.next();
        if (!batch) return;
        await channel.send(await this.#write(batch, nodeId, principal));
      }
    });
  }

  async #write(
    batch: EventBatch,
    nodeId: string,
    principal: NodePrincipal,
  ): Promise<EventAcknowledgmentInput> {
    const { store, keyUsage, logger } = this.#options;
    this.#check(batch);
    const spoolId = batch.spoolId.toLowerCase();
    const origin = { nodeId, groupId: principal.groupId, spoolId };
    const written: WrittenBatch = await writeEventBatch(store, origin, batch.events).catch(
      (error: unknown) => {
        logger.warn(
          { err: error, nodeId },
          'events could not be written; the node sends them again',
        );
        throw unavailable('The events could not be written.');
      },
    );
    const { acknowledgedSequence, rejectedCount } = written;
    if (rejectedCount > 0) logger.warn({ nodeId, spoolId, rejectedCount }, 'events were rejected');
    for (const { organizationId, credentialId, startedAt } of written.calls) {
      if (credentialId !== '') {
        keyUsage.note({ organizationId, keyId: credentialId, at: startedAt });
      }
    }
    return { spoolId: batch.spoolId, acknowledgedSequence, rejectedCount };
  }

  #check(batch: EventBatch): void {
    const { batchEventsMax } = this.#options;
    if (!uuidPattern.test(batch.spoolId)) throw protocolViolation('spool_id is no UUID.');
    if (batch.events.length > batchEventsMax) {
      throw protocolViolation(`A batch has at most ${batchEventsMax} events.`);
    }
    if (batch.events.some(({ sequence }) => !Number.isSafeInteger(sequence) || sequence < 1)) {
      throw protocolViolation('A sequence is out of range.');
    }
  }

  /** The node that a token speaks for; its row is made when it reports before it asks for configuration. */
  async #nodeId(principal: NodePrincipal): Promise<string> {
    const rows = await this.#options.store
      .withSystem(async (em) => {
        await em.execute(
          `insert into nodes (id, node_group_id, name, node_token_id) values (?, ?, ?, ?)
           on conflict (node_group_id, name) do nothing`,
          [uuidV7(), principal.groupId, principal.nodeName, principal.tokenRowId],
        );
        return em.execute<{ id: string }[]>(
          'select id from nodes where node_group_id = ? and name = ?',
          [principal.groupId, principal.nodeName],
        );
      })
      .catch(() => {
        throw unavailable('The node can’t be looked up now.');
      });
    const [row] = rows;
    if (row === undefined) throw unavailable('The node can’t be looked up now.');
    return row.id;
  }
}
