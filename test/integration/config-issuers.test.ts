import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { contracts } from '../../common/contracts.ts';
import { systemActor } from '../../control-plane/identity/actor.ts';
import { openSigningKeys } from '../../control-plane/identity/signing-keys.ts';
import type { ConfigModel } from '../../control-plane/snapshot/config-model.ts';
import { commitChange } from '../../control-plane/store/commit-change.ts';
import type { Store } from '../../control-plane/store/store.ts';
import { uuidV7 } from '../../control-plane/store/uuid-v7.ts';
import {
  type ControlStreamSetup,
  type Replica,
  setUpControlStream,
} from '../support/control-stream.ts';

let setup: ControlStreamSetup;
let replica: Replica;
let store: Store;
const organizationId = uuidV7();
const issuerId = uuidV7();
/** A group that serves no organization. */
const lonelyGroup = uuidV7();

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ format: 'jwk' });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' });

beforeAll(async () => {
  setup = await setUpControlStream();
  store = await setup.database.openStore();
  await openSigningKeys({
    store,
    masterKeys: setup.database.masterKeys,
    now: Date.now,
    logger: pino({ level: 'silent' }),
  });
  await store.withSystem(async (em) => {
    await em.execute(`insert into organizations (id, slug, name) values (?, 'acme', 'Acme')`, [
      organizationId,
    ]);
    await em.execute(
      `insert into node_groups (id, name, serves_all_organizations) values (?, 'lonely', false)`,
      [lonelyGroup],
    );
    await em.execute(
      `insert into custom_roles (organization_id, id, name, permissions)
       values (?, gen_random_uuid(), 'caller', '{servers.call}')`,
      [organizationId],
    );
    await em.execute(
      `insert into issuers (organization_id, id, name, issuer_url, algorithms, role_claim,
         role_mappings, default_role)
       values (?, ?, 'idp', 'https://idp.example.com', '{ES256}', '{realm_access,roles}', ?::jsonb, 'agent')`,
      [
        organizationId,
        issuerId,
        JSON.stringify([
          { value: 'a', role: 'auditor' },
          { value: 'b', role: 'developer' },
          { value: 'c', role: 'caller' },
          { value: 'd', role: 'gone' },
        ]),
      ],
    );
  });
  replica = await setup.replica();
});

afterAll(() => setup.close());

/** Changes rows as a service would, and waits until the replica has them. */
async function change(
  sql: string,
  parameters: readonly unknown[],
  kind: 'issuer' | 'custom_role' | 'signing_key' = 'issuer',
): Promise<void> {
  await store.withSystem(async (em) => {
    await em.execute(sql, [...parameters]);
    await commitChange(em, {
      organizationId: kind === 'signing_key' ? null : organizationId,
      actor: systemActor,
      action: 'test.change',
      target: { type: kind, id: issuerId },
      resources: [{ kind, id: issuerId }],
    });
  });
  await replica.state.refresh();
}

function model(): ConfigModel {
  const found = replica.state.model;
  if (found === undefined) throw new Error('There is no model.');
  return found;
}

function issuerOf(groupId: string, id: string) {
  const resource = model().group(groupId)?.get(`Issuer/${id}`);
  if (resource === undefined) return undefined;
  const { jwks, ...rest } = contracts.resources.Issuer.deserialize(resource.body);
  const { keys } = JSON.parse(jwks) as { keys: Record<string, unknown>[] };
  return { ...rest, keys };
}

function defaultGroup(): string {
  const id = [...model().groupIds()].find((groupId) => groupId !== lonelyGroup);
  if (id === undefined) throw new Error('There is no default group.');
  return id;
}

function ownIssuer() {
  return issuerOf(defaultGroup(), issuerId);
}

const setKeys = 'update issuers set jwks = ?::jsonb where id = ?';

describe('an issuer as nodes get it', () => {
  test('before its keys are known there is none', () => {
    expect(ownIssuer()).toBeUndefined();
  });

  test('it holds the keys that fit its algorithms; roles that allow no calls are empty', async () => {
    const jwks = {
      keys: [
        { ...rsa, kid: 'rsa' },
        { ...ec, kid: 'ec' },
      ],
    };
    await change(setKeys, [JSON.stringify(jwks), issuerId]);
    expect(ownIssuer()).toMatchObject({
      id: issuerId,
      organizationId,
      issuer: 'https://idp.example.com',
      algorithms: ['ES256'],
      scopeMode: 'SCOPE_MODE_REQUIRED',
      roleClaim: ['realm_access', 'roles'],
      roleMappings: [
        { value: 'a', role: '' },
        { value: 'b', role: 'developer' },
        { value: 'c', role: 'caller' },
        { value: 'd', role: '' },
      ],
      defaultRole: 'agent',
      keys: [{ kid: 'ec' }],
    });
    await change(`update issuers set algorithms = '{RS256}' where id = ?`, [issuerId]);
    expect(ownIssuer()?.keys).toMatchObject([{ kid: 'rsa' }]);
  });

  test('it follows the custom roles that it maps to', async () => {
    await change(`update custom_roles set permissions = '{servers.read}'`, [], 'custom_role');
    expect(ownIssuer()?.roleMappings[2]).toEqual({ value: 'c', role: '' });
    await change(`update custom_roles set permissions = '{servers.call}'`, [], 'custom_role');
    expect(ownIssuer()?.roleMappings[2]).toEqual({ value: 'c', role: 'caller' });
  });

  test.each(['enabled', 'proxy_enabled'])('without %s there is none', async (column) => {
    await change(`update issuers set ${column} = false where id = ?`, [issuerId]);
    expect(ownIssuer()).toBeUndefined();
    await change(`update issuers set ${column} = true where id = ?`, [issuerId]);
    expect(ownIssuer()).toBeDefined();
  });

  test('it goes to groups that serve its organization alone', () => {
    expect(issuerOf(lonelyGroup, issuerId)).toBeUndefined();
  });
});

describe('the gateway as an issuer', () => {
  test('every group knows it, by the public halves of its keys alone', () => {
    for (const group of [defaultGroup(), lonelyGroup]) {
      const platform = issuerOf(group, 'platform');
      expect(platform).toMatchObject({
        organizationId: '',
        issuer: 'https://gateway.example.com',
        algorithms: ['EdDSA'],
        keys: [{ kty: 'OKP', crv: 'Ed25519' }],
      });
      expect(platform?.keys[0]).not.toHaveProperty('d');
    }
  });

  test('a retired key stays as long as its row does', async () => {
    await change(
      `insert into signing_keys (kid, public_jwk, wrapped_private_key, retired_at)
       select 'old', public_jwk || '{"kid":"old"}', wrapped_private_key, now() from signing_keys`,
      [],
      'signing_key',
    );
    const kids = () => issuerOf(lonelyGroup, 'platform')?.keys.map(({ kid }) => kid);
    expect(kids()).toContain('old');
    await change(`delete from signing_keys where kid = 'old'`, [], 'signing_key');
    expect(kids()).not.toContain('old');
  });
});
