import { renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** What `.data/quickstart.json` tells scripts and tools about a running quickstart. Holds secrets. */
export interface QuickstartFile {
  readonly graphqlUrl: string;
  readonly grpcAddress: string;
  readonly proxyUrl: string;
  readonly nodeAdminUrl: string;
  /** Slug of the demo organization. */
  readonly organization: string;
  readonly adminEmail: string;
  readonly adminPassword: string;
  readonly apiKey: string;
  /** Server slug → its MCP URL behind the gateway. */
  readonly servers: Readonly<Record<string, string>>;
}

function fileIn(dataDir: string): string {
  return path.join(dataDir, 'quickstart.json');
}

/** Removes the file: it stands only while what it says is true. */
export function removeQuickstartFile(dataDir: string): void {
  rmSync(fileIn(dataDir), { force: true });
}

/** Writes the file for its owner only, as a whole: a reader never sees half of it. */
export function writeQuickstartFile(dataDir: string, content: QuickstartFile): string {
  const file = fileIn(dataDir);
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, file);
  return file;
}
