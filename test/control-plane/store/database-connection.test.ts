import { describe, expect, test } from '@jest/globals';
import {
  deriveRoleConnections,
  isDerivedRole,
  parseDatabaseUrl,
} from '../../../control-plane/store/database-connection.ts';
import { MasterKey } from '../../../control-plane/store/master-key.ts';

const masterKey = new MasterKey(Buffer.alloc(32, 1));

describe('a database URL', () => {
  test.each([
    ['postgresql://u@h/d', { host: 'h', port: 5432, user: 'u', database: 'd', tls: undefined }],
    ['postgres://u@h:6000/d', { host: 'h', port: 6000 }],
    ['postgresql://u%40x@h/d%2Fe', { user: 'u@x', database: 'd/e' }],
    ['postgresql://u@[::1]:6000/d', { host: '::1', port: 6000 }],
    ['postgresql://u@/d?host=/var/run/postgresql', { host: '/var/run/postgresql', database: 'd' }],
    ['postgresql://u@localhost:1/d?host=%2Ftmp%2Fx', { host: '/tmp/x', port: 1 }],
    ['postgresql://u@h/d?sslmode=require', { tls: { rejectUnauthorized: false } }],
    ['postgresql://u@h/d?sslmode=verify-full', { tls: {} }],
  ])('%s is read', (url, expected) => {
    expect(parseDatabaseUrl(url)).toMatchObject(expected);
  });

  test.each([
    'db',
    'http://u@h/d',
    'postgresql://u@h',
    'postgresql://h/d',
    'postgresql://u@h/d?sslmode=sometimes',
  ])('%s is refused', (url) => {
    expect(() => parseDatabaseUrl(url)).toThrow(/database URL/);
  });
});

describe('derived roles', () => {
  const owner = parseDatabaseUrl('postgresql://owner:secret@h/gateway?sslmode=verify-full');

  test('stand for the owner’s database, with passwords of their own', () => {
    const { app, system, managed } = deriveRoleConnections(owner, masterKey);
    const end = masterKey.id.slice(0, 8);
    expect([app.user, system.user]).toEqual([`gateway_app_${end}`, `gateway_system_${end}`]);
    expect(managed).toBe(true);
    expect(app).toMatchObject({ host: 'h', database: 'gateway', tls: {} });
    const passwords = [owner, app, system].map((connection) => connection.password?.reveal());
    expect(new Set(passwords).size).toBe(3);
    expect(passwords[1]).toMatch(/^[0-9a-f]{48}$/);
  });

  test('have other names and passwords under another master key, and the same under the same', () => {
    const login = (key: MasterKey) => {
      const { user, password } = deriveRoleConnections(owner, key).app;
      return [user, password?.reveal()];
    };
    const [user, password] = login(masterKey);
    expect(login(new MasterKey(Buffer.alloc(32, 1)))).toEqual([user, password]);
    const other = login(new MasterKey(Buffer.alloc(32, 2)));
    expect([other[0] === user, other[1] === password]).toEqual([false, false]);
  });

  test('are known by their names, whichever master key they were derived from', () => {
    for (const database of ['gateway', 'd'.repeat(60), 'a.c']) {
      for (const key of [masterKey, new MasterKey(Buffer.alloc(32, 2))]) {
        const { app, system } = deriveRoleConnections({ ...owner, database }, key);
        const known = [app, system].map(({ user }) => isDerivedRole(database, user));
        expect(known).toEqual([true, true]);
      }
    }
    expect(isDerivedRole('a.c', 'a.c_app')).toBe(true);
    const others = [
      'abc_app',
      'a.c_app_group',
      'a.c_2_app_01234567',
      'x_a.c_app',
      'a.c_app_0123456',
    ];
    expect(others.filter((name) => isDerivedRole('a.c', name))).toEqual([]);
  });

  test('have names that PostgreSQL doesn’t cut to the same', () => {
    const names = ['a', 'b'].flatMap((end) => {
      const long = { ...owner, database: 'ä'.repeat(30) + end };
      const roles = deriveRoleConnections(long, masterKey);
      return [roles.app.user, roles.system.user];
    });
    expect(new Set(names).size).toBe(4);
    for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
  });
});
