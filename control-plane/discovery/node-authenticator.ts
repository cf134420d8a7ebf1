import type { Metadata } from '@grpc/grpc-js';
import { credentialId, credentialMatches } from '../../common/credential.ts';
import type { Store } from '../store/store.ts';
import { unauthenticated, unavailable } from './stream-end.ts';

/** Whom a node token speaks for. What a node may read and write follows from this alone. */
export interface NodePrincipal {
  /** Row of the token. */
  readonly tokenRowId: string;
  /** Name of the node; tokens of one group and name speak for the same node. */
  readonly nodeName: string;
  readonly groupId: string;
  readonly groupName: string;
  /** Milliseconds since the Unix epoch; undefined: never. */
  readonly expiresAtMs: number | undefined;
}

interface TokenRow {
  readonly id: string;
  readonly tokenHash: Buffer;
  readonly name: string;
  readonly groupId: string;
  readonly groupName: string;
  readonly revoked: boolean;
  readonly expiresAtMs: string | null;
}

/** The same sentence for every reason: a caller learns nothing about which tokens exist. */
const refusal = 'The node token is missing or not valid.';

function presentedToken(metadata: Metadata): string {
  const values = metadata.get('authorization');
  const [, token] = /^Bearer ([\x21-\x7e]+)$/i.exec(String(values[0] ?? '')) ?? [];
  if (values.length !== 1 || token === undefined) throw unauthenticated(refusal);
  return token;
}

/** Checks node tokens against the database, once when a stream opens and again while it stands. */
export class NodeAuthenticator {
  readonly #store: Store;
  readonly #nowMs: () => number;

  constructor(options: { readonly store: Store; readonly nowMs: () => number }) {
    this.#store = options.store;
    this.#nowMs = options.nowMs;
  }

  /**
   * Whom the metadata `authorization: Bearer <token>` speaks for.
   * @throws {StreamEnd} UNAUTHENTICATED, or UNAVAILABLE when the database can't be asked.
   */
  async authenticate(metadata: Metadata): Promise<NodePrincipal> {
    const token = presentedToken(metadata);
    const tokenId = credentialId('nodeToken', token);
    if (tokenId === undefined) throw unauthenticated(refusal);
    const row = await this.#find(tokenId).catch(() => {
      throw unavailable('The token can’t be checked now.');
    });
    if (!row || !credentialMatches(token, row.tokenHash) || row.revoked) {
      throw unauthenticated(refusal);
    }
    const expiresAtMs = row.expiresAtMs === null ? undefined : Number(row.expiresAtMs);
    if (expiresAtMs !== undefined && expiresAtMs <= this.#nowMs()) throw unauthenticated(refusal);
    return {
      tokenRowId: row.id,
      nodeName: row.name,
      groupId: row.groupId,
      groupName: row.groupName,
      expiresAtMs,
    };
  }

  /** Which of these tokens still stand: row id → expiry, for those that aren't revoked. */
  async standing(tokenRowIds: Iterable<string>): Promise<Map<string, number | undefined>> {
    const rows = await this.#store.withSystem((em) =>
      em.execute<{ id: string; expiresAtMs: string | null }[]>(
        `select id, floor(extract(epoch from expires_at) * 1000)::bigint as "expiresAtMs"
         from node_tokens where revoked_at is null
           and id in (select value::uuid from jsonb_array_elements_text(?::jsonb))`,
        [JSON.stringify([...tokenRowIds])],
      ),
    );
    return new Map(
      rows.map(({ id, expiresAtMs }) => [
        id,
        expiresAtMs === null ? undefined : Number(expiresAtMs),
      ]),
    );
  }

  async #find(tokenId: string): Promise<TokenRow | undefined> {
    // `now()` is the transaction's begin; a token's last use needs no more than the minute.
    const [row] = await this.#store.withSystem((em) =>
      em.execute<TokenRow[]>(
        `with used as (
           update node_tokens set last_used_at = now()
           where token_id = ? and revoked_at is null
             and (last_used_at is null or last_used_at < now() - interval '1 minute'))
         select t.id, t.token_hash as "tokenHash", t.name, t.node_group_id as "groupId",
           g.name as "groupName", t.revoked_at is not null as revoked,
           floor(extract(epoch from t.expires_at) * 1000)::bigint as "expiresAtMs"
         from node_tokens t join node_groups g on g.id = t.node_group_id
         where t.token_id = ?`,
        [tokenId, tokenId],
      ),
    );
    return row;
  }
}
