import { expect, jest, test } from '@jest/globals';
import { newCredential } from '../../../common/credential.ts';
import { identifyApiKey } from '../../../data-plane/identity/api-key-identifier.ts';
import type { Snapshot } from '../../../data-plane/snapshot/snapshot.ts';

test('a mistyped or cut key is refused by its checksum, without a look-up', () => {
  const { text } = newCredential('apiKey');
  const apiKey = jest.fn(() => undefined);
  const snapshot = { apiKey } as unknown as Snapshot;
  const identify = (key: string) => identifyApiKey(key, snapshot, 0);
  for (let index = 'mcpgw_'.length; index < text.length; index += 1) {
    const other = text[index] === 'a' ? 'b' : 'a';
    expect(identify(text.slice(0, index) + other + text.slice(index + 1))).toBe(
      'credential_invalid',
    );
  }
  expect(identify(text.slice(0, -1))).toBe('credential_invalid');
  expect(apiKey).not.toHaveBeenCalled();
  expect(identify(text)).toBe('credential_invalid');
  expect(apiKey).toHaveBeenCalledTimes(1);
});
