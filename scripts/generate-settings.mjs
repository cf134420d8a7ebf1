import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { environmentVariableOf } from '../common/settings.ts';
import { controlPlaneSettings } from '../control-plane/config.ts';
import { dataPlaneSettings } from '../data-plane/config.ts';
import { root } from './pinned-node.mjs';

const head = `# Settings

Each setting has a default; \`configs/<MCPGW_ENV>.yaml\` overrides it (sections \`controlPlane\` and
\`dataPlane\`, names as in the table), and the environment overrides both. \`MCPGW_ENV\` is
\`development\` (the default), \`production\` or \`test\`. A process that finds an unknown or bad setting lists
all of them and does not start. Lists are written with commas in the environment. This file is generated
by \`npm run generate\`.
`;

function defaultOf(field) {
  const value = field.safeParse(undefined).data;
  if (value === undefined) return '';
  return Array.isArray(value) ? value.join(', ') : String(value);
}

function section(title, schema) {
  const rows = Object.entries(schema.shape).map(
    ([name, field]) =>
      `| \`${name}\` | \`${environmentVariableOf(name)}\` | ${defaultOf(field)} | ${field.description} |\n`,
  );
  return `\n## ${title}\n\n| setting | environment | default | what it is |\n|---|---|---|---|\n${rows.join('')}`;
}

writeFileSync(
  process.argv[2] ?? path.join(root, 'docs', 'deployment', 'settings.md'),
  head + section('Control plane', controlPlaneSettings) + section('Proxy node', dataPlaneSettings),
);
