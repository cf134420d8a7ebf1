import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compile } from './compile.mjs';
import { generateProto } from './generate-proto.mjs';
import { root, run } from './pinned-node.mjs';

function generateReasons(file) {
  const status = run(['scripts/generate-reasons.mjs', file]);
  if (status !== 0) process.exit(status);
}

function generateSchema(file) {
  const status = run(['dist/control-plane/graphql/emit-schema-main.js', file]);
  if (status !== 0) process.exit(status);
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
  for (const [file, name] of [
    ['schema.graphql', 'schema.graphql'],
    ['docs/api/reasons.md', 'reasons.md'],
  ]) {
    if (!same(path.join(root, file), path.join(fresh, name))) stale.push(file);
  }
  return stale;
}

/** `npm run generate` writes proto/gen, docs/api/reasons.md and schema.graphql; `--check` only says whether they are fresh. */
if (process.argv.includes('--check')) {
  const fresh = mkdtempSync(path.join(tmpdir(), 'mcpgw-generated-'));
  try {
    compile();
    generateProto(path.join(fresh, 'gen'));
    generateReasons(path.join(fresh, 'reasons.md'));
    generateSchema(path.join(fresh, 'schema.graphql'));
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
  generateReasons(path.join(root, 'docs', 'api', 'reasons.md'));
  compile();
  generateSchema(path.join(root, 'schema.graphql'));
}
