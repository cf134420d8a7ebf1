import { randomBytes } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { newCredential } from '../../common/credential.ts';
import type { ChangedResource } from '../../control-plane/store/changed-resource.ts';
import { commitChange } from '../../control-plane/store/commit-change.ts';
import {
  sealKeyContext,
  sealSecret,
  upstreamSecretContext,
  wrapKey,
} from '../../control-plane/store/envelope.ts';
import type { MasterKeyRing } from '../../control-plane/store/master-key-ring.ts';
import { Secret } from '../../control-plane/store/secret.ts';
import type { Store } from '../../control-plane/store/store.ts';
import { uuidV7 } from '../../control-plane/store/uuid-v7.ts';

/** Writes the rows that nodes follow, each as one change, with nothing of the API in between. */
export class ControlStreamDatabase {
  readonly #store: Store;
  readonly #masterKeys: MasterKeyRing;

  constructor(store: Store, masterKeys: MasterKeyRing) {
    this.#store = store;
    this.#masterKeys = masterKeys;
  }

  /** Runs SQL and commits it as one revision that touched `resources`. */
  async change(
    organizationId: string | null,
    resources: readonly ChangedResource[],
    work: (em: EntityManager) => Promise<unknown>,
  ): Promise<number> {
    return this.#store.withSystem(async (em) => {
      await work(em);
      const { revision } = await commitChange(em, {
        organizationId,
        actor: { kind: 'system', id: 'test' },
        action: 'test.change',
        target: { type: 'test', id: 'test' },
        resources,
      });
      return revision;
    });
  }

  async rows<Row extends object>(sql: string, parameters: readonly unknown[] = []): Promise<Row[]> {
    return this.#store.withSystem((em) => em.execute<Row[]>(sql, [...parameters]));
  }

  async addOrganization(slug: string): Promise<string> {
    const id = uuidV7();
    await this.change(id, [{ kind: 'organization', id }], (em) =>
      em.execute('insert into organizations (id, slug, name) values (?, ?, ?)', [id, slug, slug]),
    );
    return id;
  }

  async setOrganization(id: string, values: { enabled: boolean }): Promise<number> {
    return this.change(id, [{ kind: 'organization', id }], (em) =>
      em.execute('update organizations set enabled = ? where id = ?', [values.enabled, id]),
    );
  }

  async removeOrganization(id: string): Promise<number> {
    return this.change(null, [{ kind: 'organization', id }], (em) =>
      em.execute('delete from organizations where id = ?', [id]),
    );
  }

  async addServer(
    organizationId: string,
    slug: string,
    credential?: { header: string; value: string },
  ): Promise<string> {
    const id = uuidV7();
    const touched = [
      { kind: 'server', id },
      { kind: 'server_names', id: organizationId },
    ] as const;
    await this.change(organizationId, touched, async (em) => {
      await em.execute(
        `insert into mcp_servers (organization_id, id, slug, name, transport)
         values (?, ?, ?, ?, 'streamable-http')`,
        [organizationId, id, slug, slug],
      );
      await em.execute(
        'insert into mcp_endpoints (organization_id, id, server_id, url) values (?, ?, ?, ?)',
        [organizationId, uuidV7(), id, 'http://127.0.0.1:9/mcp'],
      );
      if (!credential) return;
      const context = upstreamSecretContext({
        organizationId,
        serverId: id,
        header: credential.header,
      });
      const sealed = sealSecret(this.#masterKeys, context, new Secret(credential.value));
      await em.execute(
        `insert into upstream_secrets
           (organization_id, id, server_id, header, ciphertext, wrapped_key, master_key_id)
         values (?, ?, ?, ?, ?, ?, ?)`,
        [
          organizationId,
          uuidV7(),
          id,
          credential.header,
          sealed.ciphertext,
          sealed.wrappedKey,
          sealed.masterKeyId,
        ],
      );
    });
    return id;
  }

  async setServer(
    organizationId: string,
    id: string,
    values: { enabled: boolean },
  ): Promise<number> {
    return this.change(organizationId, [{ kind: 'server', id }], (em) =>
      em.execute('update mcp_servers set enabled = ? where id = ?', [values.enabled, id]),
    );
  }

  /** Many API keys of a new service account, in as few changes as there can be. */
  async addKeys(organizationId: string, count: number): Promise<{ id: string; keyId: string }[]> {
    const keys = Array.from({ length: count }, () => ({
      id: uuidV7(),
      keyId: newCredential('apiKey').id,
    }));
    const accountId = uuidV7();
    // A change names at most 1,000 resources.
    for (let start = 0; start < count; start += 1000) {
      const part = keys.slice(start, start + 1000);
      await this.change(
        organizationId,
        part.map(({ id }) => ({ kind: 'api_key' as const, id })),
        async (em) => {
          await em.execute(
            `insert into service_accounts (organization_id, id, name, role)
             values (?, ?, ?, 'agent') on conflict do nothing`,
            [organizationId, accountId, `agents-${accountId}`],
          );
          await em.execute(
            `insert into api_keys (organization_id, id, key_id, secret_hash, label, service_account_id, scopes)
             select ?::uuid, r.id, r."keyId", sha256(r."keyId"::bytea), 'test key', ?::uuid, '{mcp:*}'
             from jsonb_to_recordset(?::jsonb) as r(id uuid, "keyId" text)`,
            [organizationId, accountId, JSON.stringify(part)],
          );
        },
      );
    }
    return keys;
  }

  async revokeKey(organizationId: string, id: string): Promise<number> {
    return this.change(organizationId, [{ kind: 'api_key', id }], (em) =>
      em.execute('update api_keys set revoked_at = now() where id = ?', [id]),
    );
  }

  /** A group that serves these organizations, or all, with one seal key. */
  async addGroup(name: string, organizationIds: readonly string[] | 'all'): Promise<string> {
    const id = uuidV7();
    await this.change(null, [{ kind: 'node_group', id }], async (em) => {
      await em.execute(
        'insert into node_groups (id, name, serves_all_organizations) values (?, ?, ?)',
        [id, name, organizationIds === 'all'],
      );
      for (const organizationId of organizationIds === 'all' ? [] : organizationIds) {
        await em.execute(
          'insert into node_group_organizations (node_group_id, organization_id) values (?, ?)',
          [id, organizationId],
        );
      }
      const context = sealKeyContext({ nodeGroupId: id, id: 'k1' });
      const { wrappedKey, masterKeyId } = wrapKey(this.#masterKeys, context, randomBytes(32));
      await em.execute(
        `insert into seal_keys (node_group_id, id, wrapped_key, master_key_id, is_primary)
         values (?, 'k1', ?, ?, true)`,
        [id, wrappedKey, masterKeyId],
      );
    });
    return id;
  }

  /** A node token: its text, which is shown once, and its row. */
  async addToken(
    groupId: string,
    name: string,
    expiresAt?: Date,
  ): Promise<{ text: string; rowId: string }> {
    const { text, id, hash } = newCredential('nodeToken');
    const rowId = uuidV7();
    await this.change(null, [{ kind: 'node_token', id: rowId }], (em) =>
      em.execute(
        `insert into node_tokens (id, token_id, token_hash, node_group_id, name, expires_at)
         values (?, ?, ?, ?, ?, ?)`,
        [rowId, id, hash, groupId, name, expiresAt ?? null],
      ),
    );
    return { text, rowId };
  }

  async revokeToken(rowId: string): Promise<number> {
    return this.change(null, [{ kind: 'node_token', id: rowId }], (em) =>
      em.execute('update node_tokens set revoked_at = now() where id = ?', [rowId]),
    );
  }
}
