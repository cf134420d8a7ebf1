import type { Logger } from '../../common/logging.ts';
import {
  EnvelopeError,
  openSecret,
  type SealedSecret,
  upstreamSecretContext,
} from '../store/envelope.ts';
import type { MasterKeyRing } from '../store/master-key-ring.ts';
import type { Store } from '../store/store.ts';
import type { DefinitionSource } from './upstream-exchange.ts';

/** A server that one worker asks now, as it was when it was claimed. */
export interface ClaimedServer {
  readonly organizationId: string;
  readonly id: string;
  /** Counts its changes: what was asked of an older one says nothing about it now. */
  readonly version: number;
  readonly transport: 'streamable-http' | 'http-sse';
  readonly era: 'legacy' | 'modern' | 'dual' | null;
  /** In the order of their weights. */
  readonly urls: readonly string[];
  readonly failures: number;
  readonly header: string | null;
  readonly ciphertext: Buffer | null;
  readonly wrappedKey: Buffer | null;
  readonly masterKeyId: string | null;
}

/** Longer than any visit takes: what a dead worker held is taken up again. */
const leaseMs = 120_000;

/**
 * Takes servers whose time has come, so that no other worker does. Their next time is then that of the
 * lease's end: an earlier one was set by somebody who wants them to be asked again.
 */
export async function claimDueServers(store: Store, countMax: number): Promise<ClaimedServer[]> {
  return store.withSystem((em) =>
    em.execute<ClaimedServer[]>(
      `with due as (
         select d.organization_id, d.id from mcp_servers d
         where d.enabled and d.next_definitions_fetch_at <= now()
           and coalesce(d.definitions_claimed_until <= now(), true)
           and exists (select from organizations o where o.id = d.organization_id and o.enabled)
         order by d.next_definitions_fetch_at limit ? for update skip locked),
       claimed as (
         update mcp_servers s
         set definitions_claimed_until = now() + ? * interval '1 millisecond',
           next_definitions_fetch_at = now() + ? * interval '1 millisecond'
         from due where s.organization_id = due.organization_id and s.id = due.id
         returning s.*)
       select s.organization_id as "organizationId", s.id, s.version, s.transport, s.era,
         (select coalesce(jsonb_agg(e.url order by e.weight desc, e.id), '[]') from mcp_endpoints e
          where e.organization_id = s.organization_id and e.server_id = s.id) as urls,
         s.definitions_failures as failures, c.header, c.ciphertext,
         c.wrapped_key as "wrappedKey", c.master_key_id as "masterKeyId"
       from claimed s
       left join upstream_secrets c on c.organization_id = s.organization_id and c.server_id = s.id`,
      [countMax, leaseMs, leaseMs],
    ),
  );
}

/**
 * Where a claimed server is asked, and as whom: after a failure at its next endpoint. Undefined: it has no
 * endpoint, or its credential can't be opened, without which it would be asked as nobody.
 */
export function sourceOf(
  server: ClaimedServer,
  masterKeys: MasterKeyRing,
  logger: Logger,
): DefinitionSource | undefined {
  const { organizationId, id: serverId, urls, header, transport, era } = server;
  const url = urls[server.failures % Math.max(urls.length, 1)];
  if (url === undefined) return undefined;
  const source = { url, transport, era: era ?? undefined };
  const sealed = sealedOf(server);
  if (header === null || sealed === undefined) return { ...source, credential: undefined };
  const context = upstreamSecretContext({ organizationId, serverId, header });
  try {
    const value = openSecret(masterKeys, context, sealed).reveal();
    return { ...source, credential: { header, value } };
  } catch (error) {
    if (!(error instanceof EnvelopeError)) throw error;
    logger.error({ serverId, err: error }, 'a server’s credential can’t be opened');
    return undefined;
  }
}

function sealedOf({
  ciphertext,
  wrappedKey,
  masterKeyId,
}: ClaimedServer): SealedSecret | undefined {
  if (ciphertext === null || wrappedKey === null || masterKeyId === null) return undefined;
  return { ciphertext, wrappedKey, masterKeyId };
}
