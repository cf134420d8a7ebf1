import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { keptJson } from '../../../common/redaction/kept-json.ts';

const bytesMax = 65_536;

function redacted(value: unknown): unknown {
  const kept = keptJson(value, { redact: true, bytesMax });
  return kept === undefined ? undefined : JSON.parse(kept.text);
}

const hidden = '[redacted]';

describe('what stands under a telling name', () => {
  test.each([
    ['password'],
    ['Password'],
    ['db_password'],
    ['userPassword2'],
    ['PASSWD'],
    ['pwd'],
    ['api_key'],
    ['apiKey'],
    ['API-KEY'],
    ['x-api-key'],
    ['openai.api.key'],
    ['token'],
    ['access_token'],
    ['refreshToken'],
    ['access_tokens'],
    ['client_secret'],
    ['secrets'],
    ['Authorization'],
    ['Proxy-Authorization'],
    ['cookie'],
    ['Set-Cookie'],
    ['privateKey'],
    ['aws_secret_access_key'],
    ['credentials'],
    ['connectionString'],
    ['otp'],
    ['pin'],
    [`${'x'.repeat(5000)}_password`],
  ])('is hidden: %s', (name) => {
    expect(redacted({ [name]: 'hunter2' })).toEqual({ [name]: hidden });
    expect(redacted({ a: [{ [name]: { user: 'x', list: [1] } }] })).toEqual({
      a: [{ [name]: hidden }],
    });
    expect(redacted({ [name]: 1234 })).toEqual({ [name]: hidden });
  });

  test.each([
    ['max_tokens'],
    ['tokens'],
    ['tokenizer'],
    ['path'],
    ['key'],
    ['keyboard'],
    ['author'],
    ['authors'],
    ['passenger'],
    ['compass'],
    ['opinion'],
    ['spine'],
    ['side'],
    ['secre'],
  ])('stays: %s', (name) => {
    expect(redacted({ [name]: 'plain' })).toEqual({ [name]: 'plain' });
    expect(keptJson({ [name]: 'plain' }, { redact: true, bytesMax })?.isRedacted).toBe(false);
  });

  test('says whether there is a value where that is all it says', () => {
    const value = { password: null, token: '', secret: false, cookie: true };
    expect(redacted(value)).toEqual(value);
  });

  test('is hidden where a field beside it holds the name', () => {
    const headers = [
      { name: 'Authorization', value: 'abc' },
      { name: 'Accept', value: 'text/html' },
      { key: 'API_TOKEN', Value: ['x'] },
    ];
    expect(redacted({ headers })).toEqual({
      headers: [
        { name: 'Authorization', value: hidden },
        { name: 'Accept', value: 'text/html' },
        { key: 'API_TOKEN', Value: hidden },
      ],
    });
  });
});

/** Each is put together here, so that no scanner takes this file for a leak. */
const repeated = (text: string, count: number) => text.repeat(count).slice(0, count);
const alnum = repeated('aB3dE5gH7jK9', 80);
const secrets: [string, string][] = [
  ['a JWT', `eyJhbGciOiJI.${'eyJzdWIiOiIx'}.${repeated('abc_-D', 43)}`],
  ['a JWE', `eyJhbGciOiJI.abc.def.${repeated('gh', 20)}.ij`],
  ['our API key', `mcpgw_${alnum.slice(0, 50)}`],
  ['our node token', `mcpgwn_${alnum.slice(0, 50)}`],
  ['our refresh token', `mcpgwr_${alnum.slice(0, 50)}`],
  ['our one-time token', `mcpgwo_${alnum.slice(0, 50)}`],
  ['an AWS key id', `AKIA${repeated('ABCD2345', 16)}`],
  ['an AWS session’s key id', `ASIA${repeated('ABCD2345', 16)}`],
  ['a GitHub token', `ghp_${alnum.slice(0, 36)}`],
  ['a GitHub server token', `ghs_${alnum.slice(0, 36)}`],
  ['a fine-grained GitHub token', `github_pat_${alnum.slice(0, 22)}_${alnum.slice(0, 40)}`],
  ['a GitLab token', `glpat-${alnum.slice(0, 20)}`],
  ['a Slack bot token', `xoxb-123456789012-${alnum.slice(0, 24)}`],
  ['a Slack app token', `xapp-1-${alnum.slice(0, 24)}`],
  ['a Google API key', `AIza${alnum.slice(0, 35)}`],
  ['a Google access token', `ya29.${alnum.slice(0, 60)}`],
  ['a Stripe key', `sk_live_${alnum.slice(0, 24)}`],
  ['an OpenAI key', `sk-proj-${alnum.slice(0, 48)}`],
  ['an npm token', `npm_${alnum.slice(0, 36)}`],
  ['a SendGrid key', `SG.${alnum.slice(0, 22)}.${alnum.slice(0, 43)}`],
];

describe('what looks like a credential', () => {
  test.each(secrets)('is hidden alone, and within a text: %s', (_, secret) => {
    expect(redacted([secret])).toEqual([hidden]);
    expect(redacted({ text: `use ${secret}, please` })).toEqual({ text: `use ${hidden}, please` });
    const query = redacted([`https://host.example/a?k=${secret}&b=1`]);
    expect(JSON.stringify(query)).not.toContain(secret.slice(8));
    expect(JSON.stringify(query)).toContain('&b=1');
    // As the name of a field, too.
    expect(redacted({ [secret]: 1 })).toEqual({ [hidden]: 1 });
  });

  test.each([
    ['Bearer abcdefghijklmnop1234', 'Bearer [redacted]'],
    ['curl -H "x: bearer abcdefghijklmnop"', 'curl -H "x: bearer [redacted]"'],
    ['Basic dXNlcjpwYXNzd29yZA==', 'Basic [redacted]'],
    ['Authorization: Custom a b c\nAccept: x', 'Authorization: [redacted]\nAccept: x'],
    ['Cookie: a=1; b=2\r\nAccept: x', 'Cookie: [redacted]\r\nAccept: x'],
    ['postgres://app:s3cr3t@db:5432/x', 'postgres://app:[redacted]@db:5432/x'],
    ['https://h/a?user=x&password=hunter2&b=1', 'https://h/a?user=x&password=[redacted]&b=1'],
    ['PGPASSWORD=hunter2 psql', 'PGPASSWORD=[redacted] psql'],
    ['{"user": "x", "password": "a b c", "n": 1}', '{"user": "x", "password": [redacted], "n": 1}'],
    ["api_key: 'abc'", 'api_key: [redacted]'],
  ])('is hidden in its surroundings: %s', (text, expected) => {
    expect(redacted([text])).toEqual([expected]);
  });

  test('is hidden from the first to the last line of a private key', () => {
    const body = `\n${alnum}\n${alnum}\n`;
    const pem = (kind: string) => `-----BEGIN ${kind}-----${body}-----END ${kind}-----`;
    for (const kind of [
      'PRIVATE KEY',
      'RSA PRIVATE KEY',
      'OPENSSH PRIVATE KEY',
      'PGP PRIVATE KEY BLOCK',
    ]) {
      expect(redacted([`a ${pem(kind)} b ${pem(kind)} c`])).toEqual([`a ${hidden} b ${hidden} c`]);
    }
    expect(redacted([`a -----BEGIN PRIVATE KEY-----${body}`])).toEqual([`a ${hidden}`]);
    const certificate = pem('CERTIFICATE');
    expect(redacted([certificate])).toEqual([certificate]);
  });

  test.each([
    'the bearer of good news and basic understanding, Basic Understanding',
    'src/components/TokenList.tsx',
    'https://host.example:8080/path?page=2&sort=name@x',
    'select name from users where id = 5',
    'eyJ is how they begin',
    'task-sk-list and risk-assessment-of-the-whole-thing',
    'a-sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    '018f3c52-1c1a-7cc0-9f7d-3b6c5d4e2f10',
    'C:\\Users\\x: y = z',
  ])('leaves other texts alone: %s', (text) => {
    expect(redacted([text])).toEqual([text]);
  });

  test.each([
    ['starts of a JWT', 'eyJ'],
    ['starts of a JWT in words', 'eyJa '],
    ['starts of its parts', 'eyJaaaaaaaa.'],
    ['separators', '-'],
    ['assignments without an end', 'password="'],
    ['starts of private keys', '-----BEGIN PRIVATE KEY-----'],
    ['starts that are none', '-----BEGIN A'],
    ['schemes', '://a:'],
    ['basic', 'basic '],
    ['spaces', 'bearer    '],
    ['names', 'a.b-c_'],
    ['our prefix', 'mcpgw_'],
    ['Slack’s prefix', 'xoxb-'],
    ['Slack’s hooks', 'hooks.slack.com/services/'],
  ])('takes time in the length of the text: %s', (_, piece) => {
    const text = piece.repeat(Math.ceil(60_000 / piece.length)).slice(0, 60_000);
    const started = performance.now();
    keptJson([text], { redact: true, bytesMax });
    keptJson([`${text}!`], { redact: true, bytesMax });
    // Some milliseconds; where a pattern tries stretches again it is many seconds.
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe('kept as it is', () => {
  test('is the value again when it is read', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const read = JSON.parse(JSON.stringify(value)) as unknown;
        const kept = keptJson(read, { redact: false, bytesMax: 1e6 });
        expect(kept?.isRedacted).toBe(false);
        expect(JSON.parse(kept?.text ?? '')).toEqual(read);
      }),
    );
  });

  test.each([
    '1e999',
    '-1e999',
    '-0',
    '12345678901234567890',
    '0.1',
    '"\\ud800"',
    '{"__proto__":{"a":1}}',
  ])('reads the same again: %s', (text) => {
    const value = JSON.parse(text) as unknown;
    const kept = keptJson(value, { redact: false, bytesMax });
    expect(JSON.parse(kept?.text ?? '')).toEqual(value);
  });

  test('hides nothing', () => {
    const value = { password: 'hunter2', a: secrets.map(([, secret]) => secret) };
    expect(keptJson(value, { redact: false, bytesMax })?.text).toBe(JSON.stringify(value));
  });
});

describe('the bound', () => {
  test('counts bytes, and keeps nothing that takes more', () => {
    const exact = { a: '€'.repeat(10) };
    const bytes = Buffer.byteLength(JSON.stringify(exact));
    for (const redact of [true, false]) {
      expect(keptJson(exact, { redact, bytesMax: bytes })?.text).toBe(JSON.stringify(exact));
      expect(keptJson(exact, { redact, bytesMax: bytes - 1 })).toBeUndefined();
    }
  });

  test('ends early on what is far larger', () => {
    const large = Array.from({ length: 300_000 }, (_, index) => ({ index }));
    const started = performance.now();
    expect(keptJson(large, { redact: true, bytesMax: 1000 })).toBeUndefined();
    expect(keptJson(['x'.repeat(50_000_000)], { redact: true, bytesMax: 1000 })).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(200);
  });

  test('holds for nesting, too', () => {
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level += 1) deep = [deep];
    expect(keptJson(deep, { redact: false, bytesMax: 1e6 })).toBeUndefined();
  });

  test('never makes a secret longer than it lets in', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('token', 'a', 'pin'), fc.string()), (value) => {
        const kept = keptJson(value, { redact: true, bytesMax: 64 });
        expect(Buffer.byteLength(kept?.text ?? '')).toBeLessThanOrEqual(64);
      }),
    );
  });
});
