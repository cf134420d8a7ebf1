import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { loadSettings, SettingsError } from '../../common/settings.ts';

const schema = z.object({
  proxyPort: z.int().min(0).max(65_535).default(8080),
  publicUrl: z.url().optional(),
  dataDir: z.string().default('.data'),
});

let directory = '';

function load(env: Record<string, string>) {
  return loadSettings(schema, { section: 'dataPlane', env, directory });
}

function violationsOf(env: Record<string, string>): readonly string[] {
  try {
    load(env);
  } catch (error) {
    if (error instanceof SettingsError) return error.violations;
    throw error;
  }
  return [];
}

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'mcpgw-settings-'));
  for (const name of ['development', 'production', 'test']) {
    writeFileSync(path.join(directory, `${name}.yaml`), 'dataPlane: {}\n');
  }
});

afterEach(() => rmSync(directory, { recursive: true }));

describe('settings', () => {
  test('the environment wins over the file, the file over the defaults', () => {
    writeFileSync(
      path.join(directory, 'test.yaml'),
      'dataPlane:\n  proxyPort: 1\n  dataDir: file\n',
    );
    expect(load({}).proxyPort).toBe(8080);
    expect(load({ MCPGW_ENV: 'test' })).toEqual({ proxyPort: 1, dataDir: 'file' });
    expect(load({ MCPGW_ENV: 'test', MCPGW_PROXY_PORT: '2' }).proxyPort).toBe(2);
  });

  test('text that looks like a number stays text where text is wanted', () => {
    expect(load({ MCPGW_DATA_DIR: '2026' }).dataDir).toBe('2026');
  });

  test('an empty variable counts as not set', () => {
    expect(load({ MCPGW_PROXY_PORT: '' }).proxyPort).toBe(8080);
  });

  test('half of what goes together is refused, not taken for none', () => {
    const requires = { publicUrl: 'proxyKeyFile', proxyKeyFile: 'publicUrl' };
    const keyed = schema.extend({ proxyKeyFile: z.string().optional() });
    const loadKeyed = (env: Record<string, string>) =>
      loadSettings(keyed, { section: 'dataPlane', env, directory, requires });
    expect(() => loadKeyed({ MCPGW_PROXY_KEY_FILE: 'key' })).toThrow(
      'MCPGW_PROXY_KEY_FILE: needs MCPGW_PUBLIC_URL as well',
    );
    const both = { MCPGW_PROXY_KEY_FILE: 'key', MCPGW_PUBLIC_URL: 'https://gateway.example' };
    expect(loadKeyed(both).proxyKeyFile).toBe('key');
    expect(loadKeyed({}).proxyKeyFile).toBeUndefined();
  });

  test('every bad and unknown key is named at once', () => {
    writeFileSync(
      path.join(directory, 'development.yaml'),
      'dataPlane:\n  proxyprot: 1\nextra: {}\n',
    );
    const violations = violationsOf({
      MCPGW_PROXY_PORT: 'eighty',
      MCPGW_PROXY_PROT: '80',
      MCPGW_PUBLIC_URL: 'nowhere',
    }).join('\n');
    for (const name of [
      'MCPGW_PROXY_PORT:',
      'MCPGW_PROXY_PROT: unknown setting',
      'MCPGW_PUBLIC_URL:',
      'dataPlane.proxyprot: unknown setting',
      'unknown section "extra"',
    ]) {
      expect(violations).toContain(name);
    }
  });

  test('an unknown environment is refused', () => {
    expect(violationsOf({ MCPGW_ENV: 'staging' }).join()).toContain('"staging" is none of');
  });
});
