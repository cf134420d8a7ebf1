import { contracts } from '../../common/contracts.ts';
import { parseBody, type ResourceDecoder } from './resource-decoder.ts';
import type { SealKeyEntry, SealKeyRing } from './seal-key-ring.ts';
import { refused, ViolationList } from './violation.ts';

const keysMax = 16;
const keyBytes = 32;
const keyIdPattern = /^[A-Za-z0-9_-]{1,36}$/;

/** Decodes a `SealKeyRing`: exactly one primary among keys of 32 bytes with ids of their own. */
export const decodeSealKeyRing: ResourceDecoder<SealKeyRing> = (resource) => {
  const parsed = parseBody(
    'SealKeyRing',
    resource.body,
    contracts.resources.SealKeyRing.deserialize,
  );
  if (!parsed.ok) return parsed;
  const { keys } = parsed.value;
  if (keys.length < 1 || keys.length > keysMax) {
    return refused('keys', `must have 1 to ${keysMax} items`);
  }
  const violations = new ViolationList();
  const entries = new Map<string, SealKeyEntry>();
  for (const [index, { id, key }] of keys.entries()) {
    const path = `keys[${index}]`;
    violations.expect(
      keyIdPattern.test(id),
      `${path}.id`,
      'must be 1 to 36 letters, digits, "-" or "_"',
    );
    violations.expect(!entries.has(id), `${path}.id`, 'must be unique in the ring');
    violations.expect(key.length === keyBytes, `${path}.key`, `must have ${keyBytes} bytes`);
    entries.set(id, { id, key: Buffer.from(key) });
  }
  const [primaryKey, ...otherPrimaries] = keys.filter((key) => key.primary);
  const primary = entries.get(primaryKey?.id ?? '');
  if (primary === undefined || otherPrimaries.length > 0) {
    return refused('keys', 'must have exactly one primary key');
  }
  return violations.decoded(() => ({ primary, find: (id: string) => entries.get(id) }));
};
