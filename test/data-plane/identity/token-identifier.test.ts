import { createHmac, createPublicKey, type JsonWebKey } from 'node:crypto';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Principal } from '../../../data-plane/identity/principal.ts';
import {
  TokenIdentifier,
  type TokenOptions,
} from '../../../data-plane/identity/token-identifier.ts';
import { tokenDefaults } from '../../../data-plane/identity/token-options.ts';
import { tokenStands } from '../../../data-plane/identity/token-standing.ts';
import type { IssuerInput } from '../../../proto/gen/mcpgw/resources/v1/Issuer.ts';
import { ProxySnapshot } from '../../support/proxy-snapshot.ts';
import {
  assembleToken,
  issuerEntry,
  issuerResource,
  TokenSigner,
} from '../../support/token-issuer.ts';

const nowMs = 1_800_000_000_000;
const now = nowMs / 1000;
const audience = 'https://gateway.example/acme/files/mcp';
const gateway = 'https://gateway.example';

let ed: TokenSigner;
let other: TokenSigner;
let own: TokenSigner;

beforeAll(async () => {
  ed = await TokenSigner.create('EdDSA', 'ed-1');
  other = await TokenSigner.create('EdDSA', 'ed-2');
  own = await TokenSigner.create('EdDSA', 'own-1');
});

const claims = {
  iss: 'https://login.example',
  sub: 'alice',
  aud: audience,
  iat: now - 10,
  exp: now + 300,
  jti: 'token-1',
  scope: 'openid mcp:files',
  groups: ['staff'],
};

const ownClaims = {
  iss: gateway,
  sub: 'user:1',
  aud: audience,
  org: 'acme',
  sid: 'session-1',
  jti: 'own-token',
  roles: ['developer'],
  scope: 'mcp:files',
  iat: now - 10,
  exp: now + 300,
};

function loginIssuer(fields: IssuerInput = {}, organizationId = 'acme') {
  return issuerEntry(
    issuerResource(`login-${organizationId}`, organizationId, {
      issuer: 'https://login.example',
      jwks: ed.jwks,
      roleClaim: ['groups'],
      roleMappings: [{ value: 'staff', role: 'developer' }],
      defaultRole: 'agent',
      ...fields,
    }),
  );
}

function gatewayIssuer(fields: IssuerInput = {}) {
  return issuerEntry(
    issuerResource('platform', '', { issuer: gateway, jwks: own.jwks, ...fields }),
  );
}

/** A node of the organization `acme`, with its issuer and the gateway's own. */
class Node {
  readonly snapshot = new ProxySnapshot();
  readonly tokens: TokenIdentifier;

  constructor(options: Partial<TokenOptions> = {}, login: IssuerInput = {}) {
    this.tokens = new TokenIdentifier({ ...tokenDefaults, ...options });
    this.snapshot.issuersOf.set('acme', [loginIssuer(login)]);
    this.snapshot.issuersOf.set('', [gatewayIssuer()]);
  }

  /** At once or later. */
  ask(text: string, at = nowMs, organizationId: string | undefined = 'acme', url = audience) {
    const request = { snapshot: this.snapshot, organizationId, audience: url };
    return this.tokens.identify(text, request, at);
  }

  async reason(text: string, at = nowMs): Promise<string> {
    const outcome = await this.ask(text, at);
    return typeof outcome === 'string' ? outcome : `admitted ${outcome.subject}`;
  }
}

function token(more: object = {}, header: object = {}): Promise<string> {
  return ed.sign({ claims: { ...claims, ...more }, header });
}

describe('a token of an organization’s issuer', () => {
  test('makes a principal of that organization, with a subject of the issuer’s own', async () => {
    expect(await new Node().ask(await token())).toMatchObject({
      organizationId: 'acme',
      subject: 'issuer:login-acme:alice',
      roles: ['developer'],
      scopes: ['mcp:files'],
      credentialId: 'token-1',
      token: {
        issuedAtMs: nowMs - 10_000,
        expiresAtMs: nowMs + 300_000,
        tokenId: 'token-1',
        sessionId: undefined,
      },
    });
  });

  test.each([
    ['at+jwt', 'at+jwt'],
    ['AT+JWT as a whole media type', 'application/AT+JWT'],
    ['JWT', 'JWT'],
    ['no type, as some providers send it', undefined],
  ])('of the type %s is taken', async (_what, typ) => {
    expect(await new Node().reason(await token({}, { typ }))).toMatch(/^admitted/);
  });

  test('may name several audiences', async () => {
    const text = await token({ aud: ['https://other.example', audience] });
    expect(await new Node().reason(text)).toMatch(/^admitted/);
  });

  test.each(['ES256', 'RS256', 'PS256', 'ES384', 'Ed25519'])(
    'may be signed by %s',
    async (name) => {
      const signer = await TokenSigner.create(name, 'k');
      const node = new Node({}, { jwks: signer.jwks, algorithms: [name] });
      expect(await node.reason(await signer.sign({ claims }))).toMatch(/^admitted/);
    },
  );

  test('without an id is named by a hash of itself, never by its text', async () => {
    const text = await token({ jti: undefined });
    const principal = await new Node().ask(text);
    expect(principal).toMatchObject({ credentialId: expect.stringMatching(/^sha256-[\w-]{22}$/) });
    const { credentialId = '' } = principal as { credentialId?: string };
    expect(text).not.toContain(credentialId.slice('sha256-'.length));
  });

  test('takes its scopes from scope and scp, and no others than those for calls', async () => {
    const scopes = { scope: 'admin mcp:files email mcp:files', scp: ['mcp:wiki:read', 'mcp:'] };
    const principal = await new Node().ask(await token(scopes));
    expect(principal).toMatchObject({ scopes: ['mcp:files', 'mcp:wiki:read'] });
  });

  test('is of no session of the gateway’s, whatever it says', async () => {
    const principal = await new Node().ask(await token({ sid: 'session-1' }));
    expect(principal).toMatchObject({ token: { sessionId: undefined } });
  });

  test('may do what its role allows where scopes are not read', async () => {
    const node = new Node({}, { scopeMode: 'SCOPE_MODE_ROLE' });
    expect(await node.ask(await token({ scope: 'email' }))).toMatchObject({ scopes: ['mcp:*'] });
  });

  test.each<[string, IssuerInput, object, string[]]>([
    ['of the first mapping that fits', {}, { groups: ['x', 'staff'] }, ['developer']],
    ['by default', {}, { groups: [] }, ['agent']],
    ['none without a default', { defaultRole: '' }, { groups: [] }, []],
    [
      'none where the mapping’s role is gone',
      { roleMappings: [{ value: 'staff', role: '' }] },
      {},
      [],
    ],
    [
      'of a nested claim with one value',
      { roleClaim: ['realm', 'role'] },
      { realm: { role: 'staff' } },
      ['developer'],
    ],
  ])('has the role %s', async (_what, fields, more, roles) => {
    expect(await new Node({}, fields).ask(await token(more))).toMatchObject({ roles });
  });
});

describe('a token of the gateway', () => {
  test('makes the principal that it names', async () => {
    expect(await new Node().ask(await own.sign({ claims: ownClaims }))).toMatchObject({
      organizationId: 'acme',
      subject: 'user:1',
      roles: ['developer'],
      scopes: ['mcp:files'],
      credentialId: 'own-token',
      token: {
        issuedAtMs: nowMs - 10_000,
        expiresAtMs: nowMs + 300_000,
        tokenId: 'own-token',
        sessionId: 'session-1',
      },
    });
  });

  test('for the GraphQL API is for another audience', async () => {
    const { org, roles, scope, ...graphql } = { ...ownClaims, sub: '1', aud: 'mcpgw-graphql' };
    expect(await new Node().reason(await own.sign({ claims: graphql }))).toBe(
      'token_audience_wrong',
    );
  });

  test.each<[string, object]>([
    ['for another organization', { claims: { ...ownClaims, org: 'globex' } }],
    ['for no organization', { claims: { ...ownClaims, org: undefined } }],
    ['of no session', { claims: { ...ownClaims, sid: undefined } }],
    ['without an id', { claims: { ...ownClaims, jti: undefined } }],
    ['of a subject of an issuer', { claims: { ...ownClaims, sub: 'issuer:x:y' } }],
    ['that is not typed as an access token', { claims: ownClaims, header: { typ: 'JWT' } }],
  ])('%s is not valid', async (_what, fields) => {
    const text = await own.sign(fields as { claims: object });
    expect(await new Node().reason(text)).toBe('credential_invalid');
  });
});

describe('refused is a token', () => {
  test('without a signature', async () => {
    for (const alg of ['none', 'None', 'NONE']) {
      const text = assembleToken({ alg, kid: 'ed-1', typ: 'at+jwt' }, claims, Buffer.alloc(64));
      expect(await new Node().reason(text)).toBe('credential_invalid');
      expect(await new Node().reason(text.slice(0, text.lastIndexOf('.') + 1))).toBe(
        'credential_invalid',
      );
    }
  });

  test('that was “signed” with the public key', async () => {
    const rsa = await TokenSigner.create('RS256', 'k');
    const node = new Node({}, { jwks: rsa.jwks, algorithms: ['RS256'] });
    const publicKey = createPublicKey({ key: rsa.publicJwk as JsonWebKey, format: 'jwk' });
    for (const type of ['pem', 'der'] as const) {
      const secret = publicKey.export({ type: 'spki', format: type as 'pem' });
      const unsigned = assembleToken(
        { alg: 'HS256', kid: 'k', typ: 'JWT' },
        claims,
        Buffer.alloc(1),
      );
      const head = unsigned.slice(0, unsigned.lastIndexOf('.'));
      const text = `${head}.${createHmac('sha256', secret).update(head).digest('base64url')}`;
      expect(await node.reason(text)).toBe('credential_invalid');
    }
    expect(node.tokens.counts().verifications).toBe(0);
  });

  test('whose algorithm its key could do, but its issuer doesn’t allow', async () => {
    const rsa = await TokenSigner.create('RS512', 'k');
    const jwks = JSON.stringify({ keys: [{ ...rsa.publicJwk, alg: undefined }] });
    const node = new Node({}, { jwks, algorithms: ['RS256'] });
    expect(await node.reason(await rsa.sign({ claims }))).toBe('credential_invalid');
  });

  test.each<[string, object, string]>([
    [
      'for another server',
      { aud: 'https://gateway.example/acme/wiki/mcp' },
      'token_audience_wrong',
    ],
    ['for the address with a slash more', { aud: `${audience}/` }, 'token_audience_wrong'],
    ['for the whole gateway', { aud: 'https://gateway.example' }, 'token_audience_wrong'],
    ['for an empty list', { aud: [] }, 'token_audience_wrong'],
    ['for nobody', { aud: undefined }, 'credential_invalid'],
    ['of an unknown issuer', { iss: 'https://evil.example' }, 'token_issuer_unknown'],
    ['of an issuer with a slash more', { iss: 'https://login.example/' }, 'token_issuer_unknown'],
    ['of no issuer', { iss: undefined }, 'credential_invalid'],
    ['that has expired', { exp: now }, 'credential_expired'],
    ['that never expires', { exp: undefined }, 'credential_invalid'],
    ['that expires as a text', { exp: String(now + 9) }, 'credential_invalid'],
    ['that is not valid yet', { nbf: now + 31 }, 'token_not_yet_valid'],
    ['that was issued in the future', { iat: now + 31 }, 'token_not_yet_valid'],
    ['that doesn’t say when it was issued', { iat: undefined }, 'credential_invalid'],
    ['that outlives what revokes it', { exp: now + 86_400 }, 'credential_invalid'],
    ['of nobody', { sub: undefined }, 'credential_invalid'],
    ['of an endless subject', { sub: 'a'.repeat(256) }, 'credential_invalid'],
    ['of a subject of two lines', { sub: 'a\nb' }, 'credential_invalid'],
    ['whose id is no text', { jti: 7 }, 'credential_invalid'],
    ['that is an ID token', { nonce: 'n' }, 'credential_invalid'],
    ['that is bound to a key', { cnf: { jkt: 'x' } }, 'credential_invalid'],
  ])('%s', async (_what, more, reason) => {
    expect(await new Node().reason(await token(more))).toBe(reason);
  });

  test.each<[string, object]>([
    ['with an unknown key', { kid: 'ed-9' }],
    ['typed as something else', { typ: 'logout+jwt' }],
    ['typed as a number', { typ: 1 }],
    ['with a header that it calls critical', { crit: ['b64'], b64: true }],
  ])('%s, before any signature is checked', async (_what, header) => {
    const node = new Node();
    expect(await node.reason(await token({}, header))).toBe('credential_invalid');
    expect(node.tokens.counts().verifications).toBe(0);
  });

  test('without a key’s name where there are several', async () => {
    const text = await token({}, { kid: undefined });
    expect(await new Node().reason(text)).toMatch(/^admitted/);
    const jwks = JSON.stringify({ keys: [ed.publicJwk, other.publicJwk] });
    expect(await new Node({}, { jwks }).reason(text)).toBe('credential_invalid');
  });

  test('with a clock that is ahead by more than is allowed', async () => {
    const text = await token({ nbf: now + 29 });
    expect(await new Node().reason(text)).toMatch(/^admitted/);
    expect(await new Node({ clockSkewMs: 0 }).reason(text)).toBe('token_not_yet_valid');
  });

  test('that is larger than any of them, without being read', async () => {
    expect(await new Node().reason(await token({ padding: 'x'.repeat(8192) }))).toBe(
      'credential_invalid',
    );
  });

  test('while nobody can know what the node is called', async () => {
    const node = new Node();
    const request = { snapshot: node.snapshot, organizationId: 'acme', audience: undefined };
    expect(node.tokens.identify(await token(), request, nowMs)).toBe('token_audience_wrong');
  });

  test('that was changed anywhere', async () => {
    const node = new Node();
    const text = await token();
    expect(await node.reason(text)).toMatch(/^admitted/);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.';
    const characters = fc.constantFrom(...alphabet);
    const place = fc.nat({ max: text.length });
    const change = fc.oneof(
      fc.tuple(place, characters).map(([at, c]) => text.slice(0, at) + c + text.slice(at + 1)),
      fc.tuple(place, characters).map(([at, c]) => text.slice(0, at) + c + text.slice(at)),
      place.map((at) => text.slice(0, at) + text.slice(at + 1)),
      place.map((at) => text.slice(0, at)),
      fc.string().map((tail) => text + tail),
    );
    await fc.assert(
      fc.asyncProperty(change, async (changed) => {
        fc.pre(changed !== text);
        expect(await node.reason(changed)).not.toMatch(/^admitted/);
      }),
      { numRuns: 2000 },
    );
    // Every spelling of the last character: four bits of it belong to no byte.
    for (const last of alphabet) {
      const changed = text.slice(0, -1) + last;
      if (changed !== text) expect(await node.reason(changed)).toBe('credential_invalid');
    }
  });
});

describe('whatever a signed token says', () => {
  /** Each part with a value that is as it should be, and such that are not. */
  const parts = {
    iss: ['https://login.example', 'https://login.example/', 'mcp-gateway', gateway, 7, undefined],
    sub: ['alice', '', ' \u0000', 'é', 'a'.repeat(256), 7, undefined],
    aud: [audience, [audience], [], ['x', 'y'], `${audience} `, 'mcpgw-graphql', {}, undefined],
    iat: [now - 5, now + 29, now + 31, -1, '1', null, undefined],
    exp: [now + 60, now + 86_395, now, now - 60, 'x', undefined],
    nbf: [undefined, now - 1, now + 31, 'x', null],
    jti: [undefined, 'id', 7, 'a\nb', 'x'.repeat(401)],
  };
  const headers = {
    typ: ['at+jwt', 'JWT', undefined, 'id+jwt', 1],
    kid: ['ed-1', 'ed-9', '', 1],
    crit: [undefined, ['exp'], []],
  };
  /** The first value is taken most often, so that a good token comes up. */
  const choiceOf = (values: readonly unknown[]) =>
    fc.oneof(
      { weight: 12, arbitrary: fc.constant(values[0]) },
      { weight: 2, arbitrary: fc.constantFrom(...values) },
    );
  const recordOf = (choices: Readonly<Record<string, readonly unknown[]>>) =>
    fc.record(
      Object.fromEntries(Object.entries(choices).map(([name, all]) => [name, choiceOf(all)])),
    );
  const good: Readonly<Record<string, readonly unknown[]>> = {
    iss: parts.iss.slice(0, 1),
    sub: parts.sub.slice(0, 1),
    aud: parts.aud.slice(0, 2),
    iat: parts.iat.slice(0, 2),
    exp: parts.exp.slice(0, 2),
    nbf: parts.nbf.slice(0, 2),
    jti: parts.jti.slice(0, 2),
    typ: headers.typ.slice(0, 3),
    kid: headers.kid.slice(0, 1),
    crit: headers.crit.slice(0, 1),
  };

  test('it is admitted if every part is as it should be, and only then', async () => {
    const node = new Node();
    const seen = new Set<boolean>();
    await fc.assert(
      fc.asyncProperty(recordOf(parts), recordOf(headers), async (said, header) => {
        const isGood = Object.entries({ ...said, ...header }).every(([name, value]) =>
          good[name]?.includes(value),
        );
        const text = await ed.sign({ claims: { ...claims, ...said }, header: withCrit(header) });
        expect((await node.reason(text)).startsWith('admitted')).toBe(isGood);
        seen.add(isGood);
      }),
      { numRuns: 1500 },
    );
    expect(seen.size).toBe(2);
  });

  /** The signer knows no extension but this one, and signs no empty list. */
  function withCrit(header: Readonly<Record<string, unknown>>): object {
    return header['crit'] === undefined ? header : { ...header, crit: ['b64'], b64: true };
  }
});

describe('between organizations', () => {
  test('an issuer speaks for the organization that trusts it, and for no other', async () => {
    const node = new Node();
    node.snapshot.issuersOf.set('globex', [
      loginIssuer({ issuer: 'https://globex.example', jwks: other.jwks }, 'globex'),
    ]);
    const foreign = await other.sign({ claims: { ...claims, iss: 'https://globex.example' } });
    expect(await node.reason(foreign)).toBe('token_issuer_unknown');
    expect(await node.ask(foreign, nowMs, 'globex')).toMatchObject({ organizationId: 'globex' });
    // Known by now, and still unknown here.
    expect(await node.reason(foreign)).toBe('token_issuer_unknown');
    expect(await node.ask(foreign, nowMs, undefined)).toBe('token_issuer_unknown');
  });

  test('two with an issuer of one name are not mixed up', async () => {
    const node = new Node();
    node.snapshot.issuersOf.set('globex', [loginIssuer({ defaultRole: 'admin' }, 'globex')]);
    const text = await token({ groups: [] });
    for (let call = 0; call < 3; call += 1) {
      expect(await node.ask(text)).toMatchObject({ organizationId: 'acme', roles: ['agent'] });
      expect(await node.ask(text, nowMs, 'globex')).toMatchObject({
        organizationId: 'globex',
        subject: 'issuer:login-globex:alice',
        roles: ['admin'],
      });
    }
  });

  test('none of them speaks in the gateway’s name', async () => {
    const node = new Node();
    node.snapshot.issuersOf.set('acme', [loginIssuer({ issuer: gateway, jwks: ed.jwks })]);
    expect(await node.reason(await ed.sign({ claims: ownClaims }))).toBe('credential_invalid');
    const forged = await ed.sign({ claims: ownClaims, header: { kid: 'own-1' } });
    expect(await node.reason(forged)).toBe('credential_invalid');
  });
});

describe('a verified token', () => {
  test('is answered at once, and not verified again', async () => {
    const node = new Node();
    const text = await token();
    expect(node.ask(text)).toBeInstanceOf(Promise);
    await node.ask(text);
    const { verifications } = node.tokens.counts();
    expect(node.ask(text)).toMatchObject({ subject: 'issuer:login-acme:alice' });
    expect(node.tokens.counts()).toMatchObject({ verifications, cacheHits: 1, cachedTokens: 1 });
  });

  test('is asked each time whether it has expired and whom it is for', async () => {
    const node = new Node();
    const text = await token();
    await node.ask(text);
    expect(node.ask(text, nowMs + 299_999)).toMatchObject({ organizationId: 'acme' });
    expect(node.ask(text, nowMs + 300_000)).toBe('credential_expired');
    expect(node.ask(text, nowMs, 'acme', 'https://gateway.example/acme/wiki/mcp')).toBe(
      'token_audience_wrong',
    );
    expect(node.ask(text)).toMatchObject({ organizationId: 'acme' });
  });

  test('is verified again when its issuer changed, and refused when its key is gone', async () => {
    const node = new Node();
    const text = await token();
    await node.ask(text);
    const both = JSON.stringify({ keys: [ed.publicJwk, other.publicJwk] });
    node.snapshot.issuersOf.set('acme', [loginIssuer({ jwks: both })]);
    expect(await node.reason(text)).toMatch(/^admitted/);
    expect(node.tokens.counts().verifications).toBe(2);
    expect(await node.reason(await other.sign({ claims }))).toMatch(/^admitted/);
    node.snapshot.issuersOf.set('acme', [loginIssuer({ jwks: other.jwks })]);
    expect(await node.reason(text)).toBe('credential_invalid');
    expect(await node.reason(await other.sign({ claims }))).toMatch(/^admitted/);
    node.snapshot.issuersOf.delete('acme');
    expect(await node.reason(text)).toBe('token_issuer_unknown');
  });

  test('that is brought many times at once is verified once', async () => {
    const node = new Node();
    const text = await token();
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => node.reason(text)));
    expect(new Set(outcomes)).toEqual(new Set(['admitted issuer:login-acme:alice']));
    expect(node.tokens.counts()).toMatchObject({ verifications: 1, running: 0, waiting: 0 });
  });

  test('is kept only while there is room, the ones in use first', async () => {
    const node = new Node({ cacheTokensMax: 3, cacheBytesMax: 1_000_000 });
    const texts = await Promise.all([1, 2, 3, 4, 5].map((n) => token({ jti: `t${n}` })));
    const [first = '', ...rest] = texts;
    await node.ask(first);
    for (const text of rest) {
      await node.ask(text);
      expect(node.ask(first)).not.toBeInstanceOf(Promise);
    }
    expect(node.tokens.counts().cachedTokens).toBe(3);
  });

  test('counts by its bytes', async () => {
    const node = new Node({ cacheTokensMax: 100, cacheBytesMax: 12_000 });
    for (let n = 0; n < 20; n += 1) await node.ask(await token({ jti: `t${n}` }));
    const { cachedBytes, cachedTokens } = node.tokens.counts();
    expect(cachedTokens).toBeGreaterThan(1);
    expect(cachedBytes).toBeLessThanOrEqual(12_000);
  });

  test('gives its place up once it has expired', async () => {
    const node = new Node();
    await node.ask(await token({ jti: 'short', exp: now + 1 }));
    await node.ask(await token({ jti: 'long' }), nowMs + 2_000);
    expect(node.tokens.counts().cachedTokens).toBe(1);
  });

  test('is one that was good for a call: nothing refused is kept', async () => {
    const node = new Node();
    await node.ask(await token({ aud: 'https://elsewhere.example' }));
    await node.ask(await token({ exp: now - 1 }));
    await node.ask(`${(await token()).slice(0, -8)}AAAAAAAA`);
    expect(node.tokens.counts()).toMatchObject({ cachedTokens: 0, cachedBytes: 0 });
  });
});

describe('what an open stream was begun by', () => {
  async function principalOf(node: Node): Promise<Principal> {
    const principal = await node.ask(await token());
    if (typeof principal === 'string') throw new Error(principal);
    return principal;
  }

  test.each<[string, () => IssuerInput | undefined, boolean]>([
    ['stands while its issuer is as it was', () => ({}), true],
    [
      'stands when a key is added',
      () => ({ jwks: JSON.stringify({ keys: [other.publicJwk, ed.publicJwk] }) }),
      true,
    ],
    ['stands when another role is mapped', () => ({ defaultRole: 'auditor' }), true],
    ['falls with its issuer', () => undefined, false],
    ['falls with its key', () => ({ jwks: other.jwks }), false],
    [
      'falls when its key’s name means another key',
      () => ({ jwks: JSON.stringify({ keys: [{ ...other.publicJwk, kid: 'ed-1' }] }) }),
      false,
    ],
    ['falls with its algorithm', () => ({ algorithms: ['RS256'] }), false],
    ['falls when its role is another', () => ({ roleMappings: [] }), false],
    ['falls when its scopes mean more', () => ({ scopeMode: 'SCOPE_MODE_ROLE' }), false],
  ])('%s', async (_what, change, stands) => {
    const node = new Node();
    const principal = await principalOf(node);
    expect(tokenStands(node.snapshot, principal)).toBe(true);
    const fields = change();
    node.snapshot.issuersOf.set('acme', fields === undefined ? [] : [loginIssuer(fields)]);
    expect(tokenStands(node.snapshot, principal)).toBe(stands);
  });
});

describe('a flood of tokens', () => {
  test('is verified within bounds, and what is too much is told to come again', async () => {
    const node = new Node({ verificationsMax: 2, verificationsWaitingMax: 3 });
    const good = await token();
    const texts = Array.from({ length: 20 }, (_, n) =>
      assembleToken(
        { alg: 'EdDSA', kid: 'ed-1', typ: 'at+jwt' },
        { ...claims, jti: `t${n}` },
        Buffer.alloc(64, n),
      ),
    );
    const outcomes = texts.map((text) => node.reason(text));
    expect(node.tokens.counts()).toMatchObject({ running: 2, waiting: 3 });
    expect(node.ask(good)).toBe('verifications_exhausted');
    const counted = await Promise.all(outcomes);
    expect(counted.filter((reason) => reason === 'verifications_exhausted')).toHaveLength(15);
    expect(counted.filter((reason) => reason === 'credential_invalid')).toHaveLength(5);
    expect(node.tokens.counts()).toMatchObject({ running: 0, waiting: 0, verifications: 5 });
    expect(await node.reason(good)).toMatch(/^admitted/);
    expect(node.tokens.counts().refusals.get('verifications_exhausted')).toBe(16);
  });

  test('leaves who is known alone', async () => {
    const node = new Node({ verificationsMax: 1, verificationsWaitingMax: 1 });
    const good = await token();
    await node.ask(good);
    const others = await Promise.all([1, 2, 3].map((n) => token({ jti: `t${n}` })));
    const pending = others.map((text) => node.ask(text));
    expect(pending[2]).toBe('verifications_exhausted');
    expect(node.ask(good)).toMatchObject({ organizationId: 'acme' });
    await Promise.all(pending);
  });
});
