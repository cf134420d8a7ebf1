import { randomBytes } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import {
  issuerSecretContext,
  oidcLoginContext,
  openSecret,
  type SealContext,
  sealKeyContext,
  sealSecret,
  signingKeyContext,
  unwrapKey,
  upstreamSecretContext,
  wrapKey,
} from '../../control-plane/store/envelope.ts';
import type { MasterKeyRing } from '../../control-plane/store/master-key-ring.ts';
import { Secret } from '../../control-plane/store/secret.ts';
import type { Store } from '../../control-plane/store/store.ts';
import { uuidV7 } from '../../control-plane/store/uuid-v7.ts';

/** One sealed value of every kind for each organization, and some of the platform's. */
export class SealedDatabase {
  /** What each row must open to, by table and key. */
  readonly #expected = new Map<string, string>();
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** @param unnamed whether the rows don't say which master key wrapped them. */
  async addPlatformKeys(masterKeys: MasterKeyRing, unnamed = false): Promise<void> {
    await this.#store.withSystem(async (em) => {
      const kid = randomBytes(8).toString('hex');
      const signing = this.#wrapped(masterKeys, signingKeyContext({ kid }), `signing_keys/${kid}`);
      await em.execute(
        `insert into signing_keys (kid, public_jwk, wrapped_private_key, master_key_id)
         values (?, '{}', ?, ?)`,
        [kid, signing.wrappedKey, unnamed ? null : signing.masterKeyId],
      );
      const [group] = await em.execute<{ id: string }[]>(
        `select id from node_groups where name = 'default'`,
      );
      const place = { nodeGroupId: group?.id ?? '', id: randomBytes(4).toString('hex') };
      const name = `seal_keys/${place.nodeGroupId}/${place.id}`;
      const seal = this.#wrapped(masterKeys, sealKeyContext(place), name);
      await em.execute(
        `insert into seal_keys (node_group_id, id, wrapped_key, master_key_id, is_primary)
         values (?, ?, ?, ?, false)`,
        [place.nodeGroupId, place.id, seal.wrappedKey, unnamed ? null : seal.masterKeyId],
      );
    });
  }

  /** An organization with `servers` credentials, an issuer with its client secret and a log-in at it. */
  async addOrganization(masterKeys: MasterKeyRing, servers: number): Promise<string> {
    const organizationId = uuidV7();
    await this.#store.withSystem(async (em) => {
      await em.execute('insert into organizations (id, slug, name) values (?, ?, ?)', [
        organizationId,
        `o${randomBytes(4).toString('hex')}`,
        'Sealed',
      ]);
      for (let count = 0; count < servers; count += 1) {
        await this.#addServer(em, masterKeys, organizationId);
      }
      await this.#addIssuer(em, masterKeys, organizationId);
    });
    return organizationId;
  }

  /** Which rows don't open to what was sealed in them, with these master keys. */
  async wrong(masterKeys: MasterKeyRing): Promise<string[]> {
    const opened = new Map(await this.#store.withSystem((em) => openAll(em, masterKeys)));
    return [...this.#expected].flatMap(([name, value]) =>
      opened.get(name) === value ? [] : [`${name}: ${opened.get(name)}`],
    );
  }

  #wrapped(masterKeys: MasterKeyRing, context: SealContext, name: string) {
    const key = randomBytes(32);
    this.#expected.set(name, key.toString('hex'));
    return wrapKey(masterKeys, context, key);
  }

  #sealed(masterKeys: MasterKeyRing, context: SealContext, name: string) {
    const value = randomBytes(12).toString('hex');
    this.#expected.set(name, value);
    return sealSecret(masterKeys, context, new Secret(value));
  }

  async #addServer(em: EntityManager, masterKeys: MasterKeyRing, organizationId: string) {
    const serverId = uuidV7();
    const id = uuidV7();
    await em.execute(
      `insert into mcp_servers (organization_id, id, slug, name, transport)
       values (?, ?, ?, 'Sealed', 'streamable-http')`,
      [organizationId, serverId, `s${serverId}`],
    );
    const context = upstreamSecretContext({ organizationId, serverId, header: 'authorization' });
    const sealed = this.#sealed(masterKeys, context, `upstream_secrets/${id}`);
    await em.execute(
      `insert into upstream_secrets
         (organization_id, id, server_id, header, ciphertext, wrapped_key, master_key_id, updated_at)
       values (?, ?, ?, 'authorization', ?, ?, ?, '2026-01-01')`,
      [organizationId, id, serverId, sealed.ciphertext, sealed.wrappedKey, sealed.masterKeyId],
    );
  }

  async #addIssuer(em: EntityManager, masterKeys: MasterKeyRing, organizationId: string) {
    const issuerId = uuidV7();
    const client = this.#sealed(
      masterKeys,
      issuerSecretContext({ organizationId, issuerId }),
      `issuers/${issuerId}`,
    );
    await em.execute(
      `insert into issuers (organization_id, id, name, issuer_url, algorithms, client_id,
         client_secret_ciphertext, client_secret_wrapped_key, client_secret_master_key_id)
       values (?, ?, 'issuer', 'https://issuer.example.com', '{RS256}', 'client', ?, ?, ?)`,
      [organizationId, issuerId, client.ciphertext, client.wrappedKey, client.masterKeyId],
    );
    // One without a secret: there is nothing to rewrap in it.
    await em.execute(
      `insert into issuers (organization_id, id, name, issuer_url, algorithms)
       values (?, ?, 'public', 'https://public.example.com', '{RS256}')`,
      [organizationId, uuidV7()],
    );
    const stateHash = randomBytes(32);
    const login = this.#sealed(
      masterKeys,
      oidcLoginContext({ organizationId, issuerId, stateHash }),
      `oidc_logins/${stateHash.toString('hex')}`,
    );
    await em.execute(
      `insert into oidc_logins (state_hash, organization_id, issuer_id, browser_hash, redirect_url,
         expires_at, sealed_ciphertext, sealed_wrapped_key, sealed_master_key_id)
       values (?, ?, ?, ?, 'https://app.example.com', now() + interval '10 minutes', ?, ?, ?)`,
      [
        ...[stateHash, organizationId, issuerId, randomBytes(32)],
        ...[login.ciphertext, login.wrappedKey, login.masterKeyId],
      ],
    );
  }
}

interface StoredSecret {
  readonly context: SealContext;
  readonly name: string;
  readonly ciphertext: Buffer | null;
  readonly wrappedKey: Buffer;
  readonly masterKeyId: string | null;
}

function opened(masterKeys: MasterKeyRing, stored: StoredSecret): [string, string] {
  const { context, name, ciphertext, wrappedKey, masterKeyId } = stored;
  try {
    if (ciphertext === null) {
      const key = unwrapKey(masterKeys, context, { wrappedKey, masterKeyId });
      return [name, Buffer.from(key.reveal()).toString('hex')];
    }
    const sealed = { ciphertext, wrappedKey, masterKeyId: masterKeyId ?? '' };
    return [name, openSecret(masterKeys, context, sealed).reveal()];
  } catch (error) {
    return [name, (error as Error).message];
  }
}

type Row = Readonly<Record<'wrappedKey', Buffer>> & {
  readonly ciphertext?: Buffer;
  readonly masterKeyId: string | null;
} & Readonly<Record<string, unknown>>;

/** Opens every sealed value of the database in its place, with statements of this file's own. */
async function openAll(em: EntityManager, masterKeys: MasterKeyRing): Promise<[string, string][]> {
  const found: [string, string][] = [];
  const read = async (
    sql: string,
    place: (row: Row) => { readonly name: string; readonly context: SealContext },
  ) => {
    for (const row of await em.execute<Row[]>(sql)) {
      const { wrappedKey, masterKeyId, ciphertext = null } = row;
      found.push(opened(masterKeys, { ...place(row), wrappedKey, masterKeyId, ciphertext }));
    }
  };
  const text = (row: Row, column: string) => String(row[column]);
  await read(
    'select kid, wrapped_private_key as "wrappedKey", master_key_id as "masterKeyId" from signing_keys',
    (row) => ({
      name: `signing_keys/${text(row, 'kid')}`,
      context: signingKeyContext({ kid: text(row, 'kid') }),
    }),
  );
  await read(
    'select node_group_id, id, wrapped_key as "wrappedKey", master_key_id as "masterKeyId" from seal_keys',
    (row) => ({
      name: `seal_keys/${text(row, 'node_group_id')}/${text(row, 'id')}`,
      context: sealKeyContext({ nodeGroupId: text(row, 'node_group_id'), id: text(row, 'id') }),
    }),
  );
  await read(
    `select organization_id, id, server_id, header, ciphertext, wrapped_key as "wrappedKey",
       master_key_id as "masterKeyId" from upstream_secrets`,
    (row) => ({
      name: `upstream_secrets/${text(row, 'id')}`,
      context: upstreamSecretContext({
        organizationId: text(row, 'organization_id'),
        serverId: text(row, 'server_id'),
        header: text(row, 'header'),
      }),
    }),
  );
  await read(
    `select organization_id, id, client_secret_ciphertext as ciphertext,
       client_secret_wrapped_key as "wrappedKey", client_secret_master_key_id as "masterKeyId"
     from issuers where client_secret_ciphertext is not null`,
    (row) => ({
      name: `issuers/${text(row, 'id')}`,
      context: issuerSecretContext({
        organizationId: text(row, 'organization_id'),
        issuerId: text(row, 'id'),
      }),
    }),
  );
  await read(
    `select organization_id, issuer_id, encode(state_hash, 'hex') as state, sealed_ciphertext as ciphertext,
       sealed_wrapped_key as "wrappedKey", sealed_master_key_id as "masterKeyId" from oidc_logins`,
    (row) => ({
      name: `oidc_logins/${text(row, 'state')}`,
      context: oidcLoginContext({
        organizationId: text(row, 'organization_id'),
        issuerId: text(row, 'issuer_id'),
        stateHash: Buffer.from(text(row, 'state'), 'hex'),
      }),
    }),
  );
  return found;
}
