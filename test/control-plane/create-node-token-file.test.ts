import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { credentialId } from '../../common/credential.ts';
import { createNodeTokenFile } from '../../control-plane/create-node-token-file.ts';
import { NodeToken } from '../../control-plane/store/entities/node-token.ts';
import type { Store } from '../../control-plane/store/store.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let store: Store;
let folder = '';

beforeAll(async () => {
  database = await createTestDatabase();
  store = await database.openStore();
});
afterAll(() => database.drop());
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'mcpgw-token-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function tokenCount(): Promise<number> {
  return store.withPlatform((em) => em.count(NodeToken, {}));
}

test('writes a token that the database knows, for its owner only, and keeps it', async () => {
  const file = path.join(folder, 'credential');
  const wanted = { name: 'node-1', group: 'default', file };
  const sentence = await createNodeTokenFile(store, wanted);
  const token = readFileSync(file, 'utf8').trim();
  const tokenId = credentialId('nodeToken', token);
  expect(tokenId).toBeDefined();
  expect(sentence).not.toContain(token);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const row = await store.withPlatform((em) => em.findOne(NodeToken, { tokenId: tokenId ?? '' }));
  expect(row?.name).toBe('node-1');

  const before = await tokenCount();
  expect(await createNodeTokenFile(store, wanted)).toContain('already');
  expect(readFileSync(file, 'utf8').trim()).toBe(token);
  expect(await tokenCount()).toBe(before);
});

test('makes no token where the file can’t be made', async () => {
  const taken = path.join(folder, 'taken');
  writeFileSync(taken, 'something else\n');
  const before = await tokenCount();
  for (const file of [taken, path.join(folder, 'nowhere', 'credential')]) {
    const refusal = createNodeTokenFile(store, { name: 'node-2', group: 'default', file });
    await expect(refusal).rejects.toThrow(/EEXIST|ENOENT/);
  }
  expect(readFileSync(taken, 'utf8')).toBe('something else\n');
  expect(await tokenCount()).toBe(before);
});

test.each([
  ['node-3', 'no-such-group', 'There is no node group "no-such-group".'],
  ['Not A Slug', 'default', ''],
])('leaves no file behind for %s in %s', async (name, group, message) => {
  const file = path.join(folder, 'credential');
  await expect(createNodeTokenFile(store, { name, group, file })).rejects.toThrow(message);
  expect(statSync(file, { throwIfNoEntry: false })).toBeUndefined();
});
