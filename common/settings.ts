import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import type { z } from 'zod';
import { environmentVariables } from './environment-variables.ts';

/** Every violation found in the settings, so that all can be mended at once. */
export class SettingsError extends Error {
  readonly violations: readonly string[];

  constructor(violations: readonly string[]) {
    super(`The settings are not valid:\n${violations.map((line) => `  - ${line}`).join('\n')}`);
    this.name = 'SettingsError';
    this.violations = violations;
  }
}

export type SettingsSection = 'controlPlane' | 'dataPlane';

export interface SettingsSource {
  readonly section: SettingsSection;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder of `development.yaml`, `production.yaml` and `test.yaml`. */
  readonly directory: string;
  /**
   * Setting → the setting that must be set too: half a pair would be taken for none, such as a
   * certificate without its key for no TLS.
   */
  readonly requires?: Readonly<Record<string, string>>;
}

const environments = ['development', 'production', 'test'];

/** Name of the environment variable of a setting: `proxyPort` → `MCPGW_PROXY_PORT`. */
export function environmentVariableOf(setting: string): string {
  return `MCPGW_${setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

function readFile(source: SettingsSource, violations: string[]): Record<string, unknown> {
  const name = source.env['MCPGW_ENV'] ?? 'development';
  if (!environments.includes(name)) {
    violations.push(`MCPGW_ENV: "${name}" is none of ${environments.join(', ')}`);
    return {};
  }
  const file = path.join(source.directory, `${name}.yaml`);
  const sections = (parse(readFileSync(file, 'utf8')) ?? {}) as Record<string, unknown>;
  for (const key of Object.keys(sections)) {
    if (key !== 'controlPlane' && key !== 'dataPlane')
      violations.push(`${file}: unknown section "${key}"`);
  }
  return { ...(sections[source.section] as Record<string, unknown> | undefined) };
}

/** The text itself where the setting takes text, else what YAML reads in it: a number, a boolean, a list. */
function environmentValue(schema: z.ZodType, text: string): unknown {
  if (schema.safeParse(text).success) return text;
  try {
    return parse(text) as unknown;
  } catch {
    return text;
  }
}

function addEnvironment(
  shape: z.ZodRawShape,
  env: SettingsSource['env'],
  values: Record<string, unknown>,
): Set<string> {
  const fromEnvironment = new Set<string>();
  for (const [key, field] of Object.entries(shape)) {
    const text = env[environmentVariableOf(key)];
    if (text === undefined || text === '') continue;
    values[key] = environmentValue(field as z.ZodType, text);
    fromEnvironment.add(key);
  }
  return fromEnvironment;
}

function unknownVariables(env: SettingsSource['env']): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('MCPGW_') && !environmentVariables.has(name))
    .map((name) => `${name}: unknown setting`);
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function missingPartners(
  requires: Readonly<Record<string, string>>,
  values: Readonly<Record<string, unknown>>,
): string[] {
  return Object.entries(requires)
    .filter(([key, partner]) => isSet(values[key]) && !isSet(values[partner]))
    .map(([key, partner]) => {
      return `${environmentVariableOf(key)}: needs ${environmentVariableOf(partner)} as well`;
    });
}

/**
 * Settings of one plane: the schema's defaults, then `<directory>/<MCPGW_ENV>.yaml`, then `MCPGW_*`.
 * @throws {SettingsError} naming every unknown or bad key.
 */
export function loadSettings<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  source: SettingsSource,
): z.output<z.ZodObject<Shape>> {
  const violations: string[] = [];
  const values = readFile(source, violations);
  const fromEnvironment = addEnvironment(schema.shape, source.env, values);
  violations.push(...unknownVariables(source.env));
  violations.push(...missingPartners(source.requires ?? {}, values));
  const result = schema.strict().safeParse(values);
  for (const issue of result.error?.issues ?? []) {
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) violations.push(`${source.section}.${key}: unknown setting`);
      continue;
    }
    const key = String(issue.path[0] ?? '');
    const name = fromEnvironment.has(key) ? environmentVariableOf(key) : `${source.section}.${key}`;
    violations.push(`${name}: ${issue.message}`);
  }
  if (violations.length > 0 || !result.success) throw new SettingsError(violations);
  return result.data;
}
