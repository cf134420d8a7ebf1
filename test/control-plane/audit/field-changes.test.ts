import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson } from '../../../control-plane/audit/canonical-json.ts';
import {
  auditedChange,
  auditedFields,
  redacted,
  secretReplaced,
} from '../../../control-plane/audit/field-changes.ts';

describe('what a change did', () => {
  test('is told by the fields that differ, before and after', () => {
    const before = { role: 'agent', enabled: true, expiresAt: null };
    const after = { role: 'admin', enabled: true, expiresAt: new Date('2027-01-02T03:04:05.678Z') };
    expect(auditedChange(before, after, { keyId: 'k1' })).toEqual({
      details: {
        keyId: 'k1',
        changed: ['role', 'expiresAt'],
        before: { role: 'agent', expiresAt: null },
        after: { role: 'admin', expiresAt: '2027-01-02T03:04:05.678Z' },
      },
    });
  });

  test('is everything for what is new or gone', () => {
    const fields = { slug: 'files', weight: 1 };
    expect(auditedChange(null, fields)).toEqual({ details: { after: fields } });
    expect(auditedChange(fields, null)).toEqual({ details: { before: fields } });
  });

  test('is nothing when only the order of keys or undefined for null differs', () => {
    const before = { labels: { a: 1, b: 2 }, era: null };
    const after = { labels: { b: 2, a: 1 }, era: undefined };
    expect(auditedChange(before, after)).toEqual({ details: { changed: [] } });
  });

  test('keeps personal fields in the part that can be erased', () => {
    const change = auditedChange({ email: 'a@x.example', role: 'agent' }, { email: 'b@x.example' });
    expect(change).toEqual({
      details: { changed: ['email', 'role'], before: { role: 'agent' }, after: { role: null } },
      privateDetails: { before: { email: 'a@x.example' }, after: { email: 'b@x.example' } },
    });
  });

  test('is not moved by what happens to the row later', () => {
    const row = { scopes: ['a'], label: 'one', other: 1 };
    const before = auditedFields(row, ['scopes', 'label']);
    row.scopes.push('b');
    row.label = 'two';
    expect(before).toEqual({ scopes: ['a'], label: 'one' });
  });

  test('names a value that is too long by its hash', () => {
    const text = 'x'.repeat(5000);
    expect(auditedChange(null, { description: text }).details).toEqual({
      after: { description: { characters: 5002, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
    });
  });
});

describe('secrets', () => {
  test('are marked as changed and never shown', () => {
    const change = auditedChange(
      { passwordHash: 'one', credential: { header: 'authorization', value: 'Bearer 1' } },
      { passwordHash: 'two', credential: { header: 'authorization', value: 'Bearer 1' } },
    );
    expect(change.details).toEqual({
      changed: ['passwordHash'],
      before: { passwordHash: redacted },
      after: { passwordHash: redacted },
    });
  });

  test('that are sealed differ once they are written again', () => {
    const sealed = { clientSecret: secretReplaced };
    expect(auditedChange(sealed, sealed).details['changed']).toEqual(['clientSecret']);
    expect(auditedChange({ clientSecret: null }, sealed).details).toEqual({
      changed: ['clientSecret'],
      before: { clientSecret: null },
      after: { clientSecret: redacted },
    });
  });

  test('in a URL are left out', () => {
    const url = 'https://user:pw@mcp.example.com/mcp?api_key=abc';
    expect(auditedChange(null, { endpoints: [{ url }] }).details).toEqual({
      after: { endpoints: [{ url: `https://mcp.example.com/mcp?${redacted}` }] },
    });
  });

  test('show nowhere, whatever the object looks like', () => {
    const secret = 'S3CRET-VALUE';
    const name = fc.constantFrom(
      ...['password', 'newPassword', 'secretHash', 'accessToken', 'clientSecret', 'key'],
    );
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.boolean());
    const plain = fc.dictionary(fc.constantFrom('a', 'b', 'email', 'scopes'), leaf);
    const holder = fc.tuple(plain, name).map(([fields, key]) => ({ ...fields, [key]: secret }));
    const nested = fc.oneof(
      holder,
      holder.map((inner) => ({ inner })),
      holder.map((inner) => ({ list: [inner, { inner }] })),
    );
    fc.assert(
      fc.property(fc.option(nested), fc.option(nested), (before, after) => {
        const change = auditedChange(before, after);
        expect(JSON.stringify(change)).not.toContain(secret);
        // What goes into a chain must have its canonical form.
        expect(() => canonicalJson(change.details)).not.toThrow();
      }),
    );
  });
});
