import { describe, expect, test } from '@jest/globals';
import { allImports, type Import, importsOf } from './import-graph.ts';

const sources = ['control-plane', 'data-plane', 'common', 'proto', 'migrations', 'quickstart'];

/** The room a file belongs to: `control-plane/graphql`, or `control-plane` for the files at a plane's top. */
function room(file: string): string {
  const parts = file.split('/');
  const plane = parts[0] ?? '';
  if (plane !== 'control-plane' && plane !== 'data-plane') return plane;
  return parts.length > 2 ? `${plane}/${parts[1]}` : plane;
}

const everywhere = ['common', 'proto'];

/** What each room may import besides itself, `common` and `proto`; imports point one way (docs/architecture.md). */
const allowed: Record<string, readonly string[]> = {
  common: [],
  proto: [],
  migrations: [],
  'control-plane/audit': [],
  'control-plane/embedded-postgres': [],
  'control-plane/store': ['control-plane/audit', 'migrations'],
  'control-plane/input': [],
  'control-plane/identity': ['control-plane/input', 'control-plane/store', 'control-plane/audit'],
  'control-plane/registry': ['control-plane/input', 'control-plane/store', 'control-plane/audit'],
  'control-plane/policy': ['control-plane/input', 'control-plane/store', 'control-plane/audit'],
  'control-plane/definitions': [
    'control-plane/input',
    'control-plane/store',
    'control-plane/audit',
  ],
  'control-plane/snapshot': ['control-plane/store'],
  'control-plane/discovery': ['control-plane/snapshot', 'control-plane/store'],
  'control-plane/ingest': ['control-plane/discovery', 'control-plane/store'],
  'control-plane/worker': ['control-plane/store'],
  'control-plane/graphql': [
    'control-plane/definitions',
    'control-plane/input',
    'control-plane/identity',
    'control-plane/registry',
    'control-plane/policy',
    'control-plane/store',
  ],
  'data-plane/snapshot': [],
  'data-plane/connection': [],
  'data-plane/events': ['data-plane/connection', 'data-plane/snapshot'],
  'data-plane/upstream': ['data-plane/snapshot'],
  'data-plane/mcp': ['data-plane/snapshot'],
  'data-plane/identity': ['data-plane/snapshot'],
  'data-plane/policy': ['data-plane/snapshot'],
  'data-plane/ratelimit': ['data-plane/snapshot'],
  'data-plane/discovery': ['data-plane/connection', 'data-plane/snapshot'],
  'data-plane/admin': ['data-plane/snapshot', 'data-plane/discovery', 'data-plane/events'],
  'data-plane/pipeline': [
    'data-plane/identity',
    'data-plane/policy',
    'data-plane/ratelimit',
    'data-plane/mcp',
    'data-plane/upstream',
    'data-plane/events',
    'data-plane/snapshot',
  ],
  'data-plane/listener': ['data-plane/pipeline', 'data-plane/events'],
};

function violations(imports: readonly Import[]): string[] {
  return imports
    .filter(({ from, to }) => {
      const source = room(from);
      const target = room(to);
      if (source === target || everywhere.includes(target)) return false;
      // A plane's own entry files wire its rooms; the quickstart drives both planes.
      if (source === 'control-plane') return !target.startsWith('control-plane/');
      if (source === 'data-plane') return !target.startsWith('data-plane/');
      if (source === 'quickstart') return target.startsWith('data-plane');
      return !(allowed[source] ?? []).includes(target);
    })
    .map(({ from, to }) => `${from} imports ${to}`);
}

describe('imports point one way', () => {
  test('no file imports what its room may not know', () => {
    expect(violations(allImports(sources))).toEqual([]);
  });

  test.each([
    ['data-plane/pipeline/forward.ts', "import { x } from '../../control-plane/store/store.ts';"],
    ['control-plane/store/store.ts', "import type { x } from '../graphql/server.ts';"],
    ['common/reasons.ts', "const x = await import('../data-plane/config.ts');"],
  ])('the check fails for %s with %s', (file, text) => {
    expect(violations(importsOf(file, text))).toHaveLength(1);
  });
});
