import { rm, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { newCredential } from '../../../common/credential.ts';
import { NodeDisk } from '../../support/control-plane-double-node.ts';

let disk: NodeDisk;

beforeEach(async () => {
  disk = await NodeDisk.make();
});

afterEach(async () => {
  await disk.remove();
});

describe('a node credential', () => {
  test('must be there and whole at start, and the refusal doesn’t repeat it', async () => {
    const cut = newCredential('nodeToken').text.slice(0, -1);
    await disk.writeToken(cut);
    const refusal = await disk.credential().catch((error: Error) => error.message);
    expect(refusal).toContain('holds no node token');
    expect(refusal).not.toContain(cut);
    await disk.writeToken(newCredential('apiKey').text);
    await expect(disk.credential()).rejects.toThrow('holds no node token');
    await rm(disk.credentialFile);
    await expect(disk.credential()).rejects.toThrow('ENOENT');
  });

  test('stays as it was while its file is half written or gone, and then follows it', async () => {
    const credential = await disk.credential();
    try {
      const first = credential.token();
      let changes = 0;
      credential.onChange(() => {
        changes += 1;
      });
      const next = newCredential('nodeToken').text;
      await writeFile(disk.credentialFile, next.slice(0, 20));
      await credential.refresh();
      await rm(disk.credentialFile);
      await credential.refresh();
      expect(credential.token()).toBe(first);
      expect(changes).toBe(0);
      const changed = new Promise<void>((resolve) => credential.onChange(resolve));
      await disk.writeToken(next);
      await changed;
      expect(credential.token()).toBe(next);
      expect(changes).toBe(1);
    } finally {
      credential.close();
    }
  });
});
