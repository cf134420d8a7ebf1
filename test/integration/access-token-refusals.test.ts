import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { pino } from 'pino';
import { openSigningKeys } from '../../control-plane/identity/signing-keys.ts';
import { faultOf, login, metric, type Sender, send, whoAmI } from '../support/people.ts';
import {
  type GraphqlHarness,
  openHarness,
  operatorEmail,
  password,
  type Replica,
} from './graphql-harness.ts';

let harness: GraphqlHarness;
let replica: Replica;
let claims: Record<string, unknown>;
let kid: string;
let privateKey: CryptoKey;
let publicKey: CryptoKey;

/** What a token says, without asking whether it is good. */
function claimsOf(token: string): Record<string, unknown> {
  const [, payload = ''] = token.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
}

beforeAll(async () => {
  harness = await openHarness();
  replica = await harness.replica();
  const { accessToken } = await login({ url: replica.url }, operatorEmail, password);
  claims = claimsOf(accessToken);
  const keys = await openSigningKeys({
    store: harness.store,
    masterKeys: harness.database.masterKeys,
    logger: pino({ level: 'silent' }),
    now: () => harness.clock.nowMs,
    feed: replica.feed,
  });
  const current = await keys.current();
  kid = current.kid;
  privateKey = current.privateKey;
  const found = await keys.publicKey(kid);
  if (found === undefined) throw new Error('The key has no public half.');
  publicKey = found;
});

afterAll(() => harness.close());

function forge(changed: object = {}, header: object = {}) {
  const jwt = new SignJWT({ ...claims, ...changed });
  return jwt.setProtectedHeader({ alg: 'EdDSA', kid, typ: 'at+jwt', ...header });
}

const seconds = () => Math.floor(harness.clock.nowMs / 1000);

/** Forgeries with this installation's own key, by the reason that they are refused with. */
const signed: readonly [string, () => Promise<string>][] = [
  ['token_audience_wrong', () => forge({ aud: 'http://localhost/demo/a/mcp' }).sign(privateKey)],
  ['token_issuer_wrong', () => forge({ iss: 'https://other.example.com' }).sign(privateKey)],
  ['token_expired', () => forge({ iat: 1, exp: seconds() - 60 }).sign(privateKey)],
  ['token_not_yet_valid', () => forge({ nbf: seconds() + 60 }).sign(privateKey)],
  ['token_not_yet_valid', () => forge({ iat: seconds() + 60 }).sign(privateKey)],
  ['token_key_unknown', () => forge({}, { kid: 'another' }).sign(privateKey)],
  ['token_type_wrong', () => forge({}, { typ: 'JWT' }).sign(privateKey)],
  ['token_claims_wrong', () => forge({ sid: undefined }).sign(privateKey)],
  ['session_ended', () => forge({ sid: crypto.randomUUID() }).sign(privateKey)],
  ['session_ended', () => forge({ sid: 'no id' }).sign(privateKey)],
  // A session that reaches everywhere does not become one of a single organization, or the other way round.
  ['session_ended', () => forge({ org: crypto.randomUUID() }).sign(privateKey)],
  ['account_gone', () => forge({ sub: crypto.randomUUID() }).sign(privateKey)],
];

const confused: readonly [string, () => Promise<string>][] = [
  [
    'token_algorithm_not_allowed',
    async () => {
      const [, payload] = (await forge().sign(privateKey)).split('.');
      const header = Buffer.from(JSON.stringify({ alg: 'none', kid, typ: 'at+jwt' }));
      return `${header.toString('base64url')}.${payload}.`;
    },
  ],
  [
    'token_algorithm_not_allowed',
    async () =>
      forge({}, { alg: 'HS256' }).sign(Buffer.from(JSON.stringify(await exportJWK(publicKey)))),
  ],
  [
    'token_algorithm_not_allowed',
    async () => forge({}, { alg: 'HS256' }).sign(Buffer.from(await exportSPKI(publicKey))),
  ],
  [
    'token_signature_wrong',
    async () => forge().sign((await generateKeyPair('EdDSA', { crv: 'Ed25519' })).privateKey),
  ],
  ['token_malformed', async () => 'not.a.token'],
];

describe('an access token is refused with its own reason, which is counted', () => {
  test('when nothing is wrong it is not', async () => {
    const sender: Sender = { url: replica.url, token: await forge().sign(privateKey) };
    expect((await whoAmI(sender)).errors).toEqual([]);
  });

  test.each([...signed, ...confused])('%s', async (reason, make) => {
    const sample = `mcpgw_graphql_credentials_refused_total{reason="${reason}"}`;
    const before = await metric(replica.url, sample);
    const reply = await whoAmI({ url: replica.url, token: await make() });
    expect(reply.data).toBeNull();
    expect(faultOf(reply)).toBe(reason.toUpperCase());
    const code = reason === 'token_expired' ? 'TOKEN_EXPIRED' : 'UNAUTHENTICATED';
    expect(reply.errors[0]?.extensions.code).toBe(code);
    expect(await metric(replica.url, sample)).toBe(before + 1);
  });

  test('also where the operation needs no token but takes one', async () => {
    const token = await forge({ aud: 'elsewhere' }).sign(privateKey);
    const query = 'mutation { acceptInvitation(input: { token: "x" }) { userErrors { code } } }';
    expect(faultOf(await send({ url: replica.url, token }, query))).toBe('TOKEN_AUDIENCE_WRONG');
  });
});
