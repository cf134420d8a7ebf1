import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { checkResource, receivedResource } from '../../../data-plane/snapshot/held-resource.ts';
import { decodeResource } from '../../../data-plane/snapshot/resource-decoders.ts';
import { ResourceState } from '../../../data-plane/snapshot/resource-state.ts';
import type { Resource } from '../../../proto/gen/mcpgw/discovery/v1/Resource.ts';
import type { IssuerInput } from '../../../proto/gen/mcpgw/resources/v1/Issuer.ts';
import { sealKeyRing } from '../../support/control-plane-double-resources.ts';
import { issuerEntry, issuerResource, TokenSigner } from '../../support/token-issuer.ts';

let ed: TokenSigner;
let ec: TokenSigner;
let rsa: TokenSigner;

beforeAll(async () => {
  ed = await TokenSigner.create('EdDSA', 'ed');
  ec = await TokenSigner.create('ES256', 'ec');
  rsa = await TokenSigner.create('RS256', 'rsa');
});

function keySet(...keys: readonly object[]): string {
  return JSON.stringify({ keys });
}

/** Paths of what is wrong. */
function paths(fields: IssuerInput, organizationId = 'acme'): string[] {
  const { type, name, scope, body } = issuerResource('i', organizationId, fields);
  const decoded = decodeResource(type, {
    name,
    scope: { organizationId: scope?.organizationId ?? '', serverIds: [] },
    body,
  });
  return decoded.ok ? [] : decoded.violations.map(({ path }) => path);
}

function algorithms(fields: IssuerInput): (readonly [string | undefined, string[]])[] {
  const { keys } = issuerEntry(issuerResource('i', 'acme', fields));
  return keys.map(({ id, algorithms: names }) => [id, [...names]] as const);
}

describe('the keys of an issuer', () => {
  test('verify with what fits their type, the issuer and themselves', () => {
    const free = { ...rsa.publicJwk, kid: 'free', alg: undefined };
    expect(
      algorithms({
        jwks: keySet(ed.publicJwk, ec.publicJwk, rsa.publicJwk, free),
        algorithms: ['RS256', 'EdDSA', 'PS512'],
      }),
    ).toEqual([
      ['ed', ['EdDSA']],
      ['rsa', ['RS256']],
      ['free', ['RS256', 'PS512']],
    ]);
  });

  test('leave out what isn’t for signatures, or of a kind that is unknown here', () => {
    const jwks = keySet(
      { ...ec.publicJwk, kid: '1', use: 'enc' },
      { ...ec.publicJwk, kid: '2', key_ops: ['deriveKey'] },
      { ...ec.publicJwk, kid: '3', crv: 'secp256k1' },
      { kty: 'AKP', alg: 'ML-DSA-44', kid: '4', pub: 'AA' },
      { ...ec.publicJwk, kid: '5', key_ops: ['verify'] },
    );
    expect(algorithms({ jwks })).toEqual([['5', ['ES256']]]);
  });

  test.each(['', '{"keys":[]}'])('may be missing before they were fetched: %j', (jwks) => {
    expect(algorithms({ jwks })).toEqual([]);
  });

  test('may be of one name for algorithms of their own', () => {
    const jwks = keySet({ ...ed.publicJwk, kid: 'k' }, { ...ec.publicJwk, kid: 'k' });
    expect(algorithms({ jwks })).toHaveLength(2);
  });

  test('are refused where two could be meant', () => {
    const jwks = keySet({ ...ec.publicJwk, kid: undefined }, { ...ec.publicJwk, kid: undefined });
    expect(paths({ jwks })).toEqual(['jwks.keys[1].kid']);
  });

  test('are refused with anything secret among them', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(paths({ jwks: keySet(privateKey.export({ format: 'jwk' })) })).toEqual(['jwks.keys[0]']);
    expect(paths({ jwks: keySet({ kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' }) })).toEqual([
      'jwks.keys[0]',
    ]);
  });

  test('are refused when they are too weak, or no point of their curve', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    expect(paths({ jwks: keySet(publicKey.export({ format: 'jwk' })) })).toEqual(['jwks.keys[0]']);
    expect(paths({ jwks: keySet({ ...ec.publicJwk, y: ec.publicJwk.x }) })).toEqual([
      'jwks.keys[0]',
    ]);
  });
});

describe('an issuer', () => {
  test.each<[string, IssuerInput, string]>([
    ['none', { algorithms: ['none'] }, 'algorithms[0]'],
    ['a symmetric algorithm', { algorithms: ['EdDSA', 'HS256'] }, 'algorithms[1]'],
    ['keys that are no JSON', { jwks: '{' }, 'jwks'],
    ['keys that are no set', { jwks: '[]' }, 'jwks'],
    ['too many keys', { jwks: keySet(...Array.from({ length: 65 }, () => ({}))) }, 'jwks'],
    ['a relative URL', { issuer: '/login' }, 'issuer'],
    ['a URL of another scheme', { issuer: 'ftp://login.example' }, 'issuer'],
    ['a URL with a query', { issuer: 'https://login.example/?a' }, 'issuer'],
    ['a URL with a password', { issuer: 'https://a:b@login.example' }, 'issuer'],
    ['no scope mode', { scopeMode: 'SCOPE_MODE_UNSPECIFIED' }, 'scope_mode'],
    ['an empty part of a claim', { roleClaim: [''] }, 'role_claim[0]'],
    [
      'a role of an endless name',
      { roleMappings: [{ value: 'a', role: 'r'.repeat(129) }] },
      'role_mappings[0].role',
    ],
  ])('with %s is refused', (_what, fields, path) => {
    expect(paths(fields)).toEqual([path]);
  });

  test('that is the gateway itself may have any name', () => {
    expect(paths({ issuer: 'mcp-gateway' }, '')).toEqual([]);
    expect(paths({ issuer: 'mcp-gateway' })).toEqual(['issuer']);
  });
});

describe('what a node holds', () => {
  function put(state: ResourceState, ...resources: readonly Resource[]): ResourceState {
    const editor = state.edit();
    for (const resource of resources) editor.put(checkResource(receivedResource(resource)));
    return editor.finish('epoch', state.revision + 1);
  }

  function names(state: ResourceState, organizationId: string): string[] {
    return (state.snapshot?.issuers(organizationId) ?? []).map(({ id }) => id);
  }

  test('is found by organization and name, and gone when it is removed', () => {
    const one = issuerResource('one', 'acme', { issuer: 'https://login.example' });
    const same = issuerResource('same', 'globex', { issuer: 'https://login.example' });
    const more = issuerResource('more', 'acme');
    const state = put(ResourceState.empty(), sealKeyRing(), more, one, same);
    expect(names(state, 'acme')).toEqual(['more', 'one']);
    expect(state.snapshot?.issuer('globex', 'https://login.example')?.id).toBe('same');
    expect(state.snapshot?.issuer('initech', 'https://login.example')).toBeUndefined();
    const editor = state.edit();
    editor.remove('Issuer', 'one');
    const later = editor.finish('epoch', 2);
    expect(names(later, 'acme')).toEqual(['more']);
    expect(later.snapshot?.issuer('acme', 'https://login.example')).toBeUndefined();
    expect(names(state, 'acme')).toEqual(['more', 'one']);
  });

  test('stays the same object while its resource does, and is another one with other keys', () => {
    const state = put(ResourceState.empty(), sealKeyRing(), issuerResource('one', 'acme'));
    const before = state.snapshot?.issuer('acme', 'https://one.example');
    const unrelated = put(state, issuerResource('two', 'acme'));
    expect(unrelated.snapshot?.issuer('acme', 'https://one.example')).toBe(before);
    const rotated = put(unrelated, issuerResource('one', 'acme', { jwks: ed.jwks }));
    expect(rotated.snapshot?.issuer('acme', 'https://one.example')).not.toBe(before);
  });

  test('goes on when a newer version can’t be used, and gives way to another of its name', () => {
    const good = issuerResource('b', 'acme', { issuer: 'https://login.example' });
    const bad = issuerResource('b', 'acme', { issuer: 'https://login.example', jwks: '{' });
    const state = put(put(ResourceState.empty(), sealKeyRing(), good), bad);
    expect(state.snapshot?.issuer('acme', 'https://login.example')?.id).toBe('b');
    const heir = issuerResource('c', 'acme', { issuer: 'https://login.example' });
    expect(put(state, heir).snapshot?.issuer('acme', 'https://login.example')?.id).toBe('c');
  });
});
