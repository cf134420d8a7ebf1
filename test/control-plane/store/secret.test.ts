import { Writable } from 'node:stream';
import { format, inspect } from 'node:util';
import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { parseDatabaseUrl } from '../../../control-plane/store/database-connection.ts';
import { Secret } from '../../../control-plane/store/secret.ts';

const value = 'hunter2-hunter2';

function logged(write: (log: ReturnType<typeof pino>) => void): string {
  let text = '';
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      text += String(chunk);
      done();
    },
  });
  write(pino(stream));
  return text;
}

test('a secret shows itself only to whoever asks for it', () => {
  const secret = new Secret(value);
  const shown = [
    JSON.stringify({ nested: [secret] }),
    `${secret}`,
    inspect({ nested: { secret } }, { showHidden: true, depth: 9 }),
    format('%o %j %s', secret, secret, secret),
    logged((log) => log.info({ secret, nested: { secret } }, 'text %s %o', secret, secret)),
    new Error('x', { cause: secret }).toString(),
    Object.values({ ...secret }).join(),
  ].join('\n');
  expect(shown).toContain('[secret]');
  expect(shown).not.toContain(value);
  expect(secret.reveal()).toBe(value);
});

test('the password of a database URL is one, also in what is said of a bad URL', () => {
  const connection = parseDatabaseUrl(`postgresql://owner:${value}@db.internal:6543/gateway`);
  expect(connection).toMatchObject({ host: 'db.internal', port: 6543, database: 'gateway' });
  expect(connection.password?.reveal()).toBe(value);
  expect(logged((log) => log.info({ connection }))).not.toContain(value);
  for (const url of [`mysql://owner:${value}@db/gateway`, `postgresql://owner:${value}@db/`]) {
    expect(() => parseDatabaseUrl(url)).toThrow(/database URL/);
    expect(() => parseDatabaseUrl(url)).not.toThrow(new RegExp(value));
  }
});
