import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { reasons } from '../../common/reasons.ts';

const rows = Object.entries(reasons);
/** Codes that the specification itself gives to these cases. */
const specified = new Set([-32700, -32600, -32601, -32602, -32603, -32020, -32021, -32022]);

describe('reason catalogue', () => {
  test('our own codes lie outside the range of the specification and are unique', () => {
    const own = rows.map(([, row]) => row.rpcCode).filter((code) => !specified.has(code));
    for (const code of own) expect(code < -32768 || code > -32000).toBe(true);
    expect(new Set(own).size).toBe(own.length);
  });

  test.each(rows)('%s is complete', (name, row) => {
    expect(name).toMatch(/^[a-z]+(_[a-z0-9]+)*$/);
    expect(row.httpStatus).toBeGreaterThanOrEqual(400);
    expect(row.message).toMatch(/\.$/);
    expect(row.remedy).toMatch(/\.$/);
  });

  test('only an ended session and what does not exist answer 404', () => {
    const notFound = rows.filter(([, row]) => row.httpStatus === 404).map(([name]) => name);
    expect(notFound.sort()).toEqual(['path_not_found', 'server_not_found', 'session_unknown']);
  });

  test('docs/api/reasons.md lists the same rows', () => {
    const text = readFileSync(new URL('../../docs/api/reasons.md', import.meta.url), 'utf8');
    const documented = [...text.matchAll(/^\| `([a-z_0-9]+)` \| (\d+) \| (-?\d+) \|/gm)].map(
      ([, name, status, code]) => `${name} ${status} ${code}`,
    );
    expect(documented).toEqual(
      rows.map(([name, row]) => `${name} ${row.httpStatus} ${row.rpcCode}`),
    );
  });
});
