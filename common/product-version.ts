import { readFileSync } from 'node:fs';

function readVersion(): string {
  // The sources lie one folder below package.json, the built files two.
  for (const file of ['../package.json', '../../package.json']) {
    try {
      const text = readFileSync(new URL(file, import.meta.url), 'utf8');
      return (JSON.parse(text) as { version: string }).version;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  throw new Error('package.json is missing');
}

/** Version of this build, as package.json names it. */
export const productVersion = readVersion();
