import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compile } from './compile.mjs';
import { generateProto } from './generate-proto.mjs';
import { root, run } from './pinned-node.mjs';

/** Generated files besides proto/gen, and what makes each. */
const generators = {
  'docs/api/reasons.md': 'scripts/generate-reasons.mjs',
  'docs/deployment/settings.md': 'scripts/generate-settings.mjs',
  'schema.graphql': 'dist/control-plane/graphql/emit-schema-main.js',
};

function generateFiles(folder) {
  for (const [file, script] of Object.entries(generators)) {
    const out = path.join(folder, file);
    mkdirSync(path.dirname(out), { recursive: true });
    const status = run([script, out]);
    if (status !== 0) process.exit(status);
  }
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .sort();
}

function staleFiles(fresh) {
  const stale = [];
  const committed = path.join(root, 'proto', 'gen');
  const names = new Set([...filesBelow(committed), ...filesBelow(path.join(fresh, 'gen'))]);
  const same = (a, b) => {
    try {
      return readFileSync(a, 'utf8') === readFileSync(b, 'utf8');
    } catch {
      return false;
    }
  };
  for (const name of names) {
    if (!same(path.join(committed, name), path.join(fresh, 'gen', name)))
      stale.push(`proto/gen/${name}`);
  }
  for (const file of Object.keys(generators)) {
    if (!same(path.join(root, file), path.join(fresh, file))) stale.push(file);
  }
  return stale;
}

/** `npm run generate` writes proto/gen and the files above; `--check` only says whether they are fresh. */
if (process.argv.includes('--check')) {
  const fresh = mkdtempSync(path.join(tmpdir(), 'mcpgw-generated-'));
  try {
    compile();
    generateProto(path.join(fresh, 'gen'));
    generateFiles(fresh);
    const stale = staleFiles(fresh);
    if (stale.length > 0) {
      console.error(`Not fresh (run \`npm run generate\`): ${stale.join(', ')}`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
} else {
  generateProto();
  compile();
  generateFiles(root);
}
