import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { loadMasterKey, MasterKey } from '../../../control-plane/store/master-key.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'mcpgw-master-key-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const raw = Buffer.alloc(32, 0xab);

function keyFile(name: string, content: Buffer | string, mode = 0o600): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

describe('the master key file', () => {
  test('is read raw, in base64 and in base64url', () => {
    const expected = new MasterKey(raw).id;
    const files = [
      keyFile('raw', raw),
      keyFile('base64', `${raw.toString('base64')}\n`),
      keyFile('base64url', raw.toString('base64url')),
    ];
    expect(files.map((file) => loadMasterKey(file, { create: false }).id)).toEqual([
      expected,
      expected,
      expected,
    ]);
  });

  test('is made when asked for, for its owner alone, and the same from then on', () => {
    const file = path.join(folder, 'made');
    expect(() => loadMasterKey(file, { create: false })).toThrow(/ENOENT/);
    const made = loadMasterKey(file, { create: true });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(loadMasterKey(file, { create: true }).id).toBe(made.id);
  });

  test.each([0o640, 0o604, 0o644, 0o660])('is refused with mode %o', (mode) => {
    const file = keyFile(`mode-${mode}`, raw, mode);
    expect(() => loadMasterKey(file, { create: false })).toThrow(/chmod 600/);
  });

  test.each([
    ['nothing', ''],
    ['31 bytes', raw.subarray(1)],
    ['another text', 'correct horse battery staple'],
    ['too much', Buffer.alloc(5000, 1)],
  ])('is refused when it holds %s, without showing it', (name, content) => {
    const file = keyFile(name, content);
    expect(() => loadMasterKey(file, { create: false })).toThrow(/must hold 32 bytes/);
    expect(() => loadMasterKey(file, { create: false })).not.toThrow(/horse/);
  });
});

describe('keys derived from it', () => {
  test('differ by purpose and are the same for the same purpose', () => {
    const key = new MasterKey(raw);
    const derive = (purpose: string) => Buffer.from(key.derive(purpose).reveal()).toString('hex');
    expect(derive('a')).toBe(derive('a'));
    expect(new Set([derive('a'), derive('b'), raw.toString('hex')]).size).toBe(3);
  });

  test('and its own bytes are shown by nothing', () => {
    const key = new MasterKey(raw);
    expect(JSON.stringify(key)).toBe(JSON.stringify({ id: key.id }));
    expect(JSON.stringify({ derived: key.derive('a') })).toBe('{"derived":"[secret]"}');
  });
});
