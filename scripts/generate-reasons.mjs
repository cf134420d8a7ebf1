import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { reasons } from '../common/reasons.ts';
import { root } from './pinned-node.mjs';

const head = `# Reasons

Every answer that a proxy node makes by itself, instead of relaying the upstream, names one of these
reasons in \`error.data.reason\`. The names are stable. This table is generated from
\`common/reasons.ts\` by \`npm run generate\`.

| reason | HTTP | JSON-RPC | what happened | what to do |
|---|---|---|---|---|
`;

const rows = Object.entries(reasons).map(
  ([name, row]) =>
    `| \`${name}\` | ${row.httpStatus} | ${row.rpcCode} | ${row.message} | ${row.remedy} |\n`,
);
writeFileSync(
  process.argv[2] ?? path.join(root, 'docs', 'api', 'reasons.md'),
  head + rows.join(''),
);
