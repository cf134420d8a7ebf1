import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root, run } from './pinned-node.mjs';

const sources = [
  'mcpgw/discovery/v1/discovery.proto',
  'mcpgw/events/v1/events.proto',
  'mcpgw/resources/v1/resources.proto',
];

/** Generates the TypeScript types of the contracts into `out` (default proto/gen). */
export function generateProto(out = path.join(root, 'proto', 'gen')) {
  rmSync(out, { recursive: true, force: true });
  const status = run([
    'node_modules/@grpc/proto-loader/build/bin/proto-loader-gen-types.js',
    '--longs=Number',
    '--enums=String',
    '--defaults',
    '--arrays',
    '--oneofs',
    '--includeComments',
    '--grpcLib=@grpc/grpc-js',
    '--importFileExtension=.ts',
    '--inputTemplate=%sInput',
    '--outputTemplate=%s',
    `--includeDirs=${path.join(root, 'proto')}`,
    `--outDir=${out}`,
    ...sources,
  ]);
  if (status !== 0) process.exit(status);
  for (const entry of readdirSync(out, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const text = readFileSync(file, 'utf8').replace(/^\/\/ Original file: .*\n\n/, '');
    writeFileSync(
      file,
      `// Generated from proto/ by \`npm run generate\`; edit the .proto file.\n${text.trimEnd()}\n`,
    );
  }
}
